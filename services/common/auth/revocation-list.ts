import type { Logger } from "pino";

/** Which sessions ended, for as long as a token of theirs could still be alive. */
export interface RevocationList {
  has(sessionId: string): boolean;
  /** Tells the listeners, once a session. */
  add(sessionId: string): void;
  /** Answers how to stop listening. */
  onAdded(listener: (sessionId: string) => void): () => void;
}

export interface RevocationListDeps {
  clock: () => number;
  logger: Logger;
  /** How long after hearing of a session's end all its tokens have expired, in ms. */
  keepMs: number;
}

export function createRevocationList({ clock, logger, keepMs }: RevocationListDeps): RevocationList {
  /** When each may be forgotten; in the order in which they came, which is the order in which they go. */
  const ended = new Map<string, number>();
  const listeners = new Set<(sessionId: string) => void>();

  function forget(now: number): void {
    for (const [sessionId, until] of ended) {
      if (until > now) return;
      ended.delete(sessionId);
    }
  }

  return {
    has: (sessionId) => ended.has(sessionId),
    add(sessionId) {
      const now = clock();
      forget(now);
      if (ended.has(sessionId)) return;
      // Counted from now and not from the end of the session, so that no other clock matters.
      ended.set(sessionId, now + keepMs);
      for (const listener of listeners) {
        try {
          listener(sessionId);
        } catch (error) {
          logger.error({ err: error, sessionId }, "a listener failed at a session's end");
        }
      }
    },
    onAdded(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
