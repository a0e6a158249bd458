/** An id by chance, 128 bits. `crypto.randomUUID` isn't there for pages over plain HTTP. */
export function createId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Keys that sort by when they were made, also those of several tabs; two of the same moment differ by chance. */
export function createEntryKeys(now: () => number = Date.now): { next(): string } {
  const tab = createId().slice(0, 8);
  let last = 0;
  let count = 0;
  return {
    next() {
      const at = Math.max(now(), last);
      count = at === last ? count + 1 : 0;
      last = at;
      return `${at.toString(36).padStart(9, "0")}-${count.toString(36).padStart(5, "0")}-${tab}`;
    },
  };
}
