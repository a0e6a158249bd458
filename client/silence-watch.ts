/**
 * Notices that a connection is dead though nobody says so, as after a change of networks. A browser doesn't show the
 * server's WebSocket pings, so silence is asked about with a ping of the protocol's own.
 */
export interface SilenceWatch {
  start(intervalMs: number): void;
  /** Something came. */
  heard(): void;
  /** Finds out now. */
  check(): void;
}

export interface SilenceWatchDeps {
  ask(): void;
  onDead(): void;
  /** Else the server sends a heartbeat each interval. */
  readonly canAsk: boolean;
  /** How long an answer may take. */
  readonly answerMs: number;
  readonly signal: AbortSignal;
}

export function createSilenceWatch({
  ask,
  onDead,
  canAsk,
  answerMs,
  signal,
}: SilenceWatchDeps): SilenceWatch {
  let intervalMs = 0;
  let heardAt = 0;
  let askedAt: number | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const now = () => performance.now();

  function look(): void {
    const silentMs = now() - heardAt;
    const isUnanswered = askedAt !== undefined && now() - askedAt >= answerMs;
    if (isUnanswered || (!canAsk && silentMs >= 2 * intervalMs)) {
      onDead();
      return;
    }
    if (canAsk && askedAt === undefined && silentMs >= intervalMs) {
      askedAt = now();
      ask();
    }
    plan();
  }

  function plan(): void {
    clearTimeout(timer);
    const silentMs = now() - heardAt;
    const limit = canAsk ? intervalMs : 2 * intervalMs;
    const ms = askedAt === undefined ? limit - silentMs : answerMs - (now() - askedAt);
    timer = setTimeout(look, Math.max(ms, 0) + 1);
  }

  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });

  return {
    start(ms) {
      intervalMs = ms;
      heardAt = now();
      plan();
    },
    heard() {
      heardAt = now();
      if (askedAt === undefined) return;
      askedAt = undefined;
      if (intervalMs > 0) plan();
    },
    check() {
      if (intervalMs === 0 || askedAt !== undefined) return;
      // Nobody can be asked: another connection tells.
      if (!canAsk) return onDead();
      askedAt = now();
      ask();
      plan();
    },
  };
}
