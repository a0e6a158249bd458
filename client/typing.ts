/** Who is typing in a room: whoever said so lately. */
export interface Typing {
  readonly userIds: readonly string[];
  saw(userId: string): void;
  /** They posted, or left. */
  stopped(userId: string): void;
  clear(): void;
}

/** A sign is sent every three seconds while one types. */
const lastsMs = 6_000;

export function createTyping(onChange: () => void): Typing {
  const timers = new Map<string, ReturnType<typeof setTimeout>>();

  function stopped(userId: string): void {
    if (!timers.has(userId)) return;
    clearTimeout(timers.get(userId));
    timers.delete(userId);
    onChange();
  }

  return {
    get userIds() {
      return [...timers.keys()];
    },
    saw(userId) {
      const isNew = !timers.has(userId);
      clearTimeout(timers.get(userId));
      timers.set(
        userId,
        setTimeout(() => stopped(userId), lastsMs),
      );
      if (isNew) onChange();
    },
    stopped,
    clear() {
      for (const userId of [...timers.keys()]) stopped(userId);
    },
  };
}
