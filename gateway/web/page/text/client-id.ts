/** Names a thing that is made, so that it is made once. Also where a page has no `crypto.randomUUID`: over plain HTTP. */
export function createClientId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}
