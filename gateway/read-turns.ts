import { DeadlineExceededError } from "../services/common/errors.ts";
import { abortedBy } from "../services/common/rpc/abort-reason.ts";

/**
 * Lets some reads of a service be under way at once, and the others wait for their turn, first come first served. Without
 * it, the answers to a thousand pages of history come in one bunch, and until all of them are encoded nobody's send is
 * even read.
 */
export interface ReadTurns {
  /**
   * Whether further ones are more than can be done: who has waited longest has waited for too long, and not because
   * everything stood still, or very many wait.
   */
  readonly isStanding: boolean;
  /** Waits for a turn and does it, with whole ms that are left, one at least. Throws if the caller is gone or the time is over before, and has then begun nothing. */
  run<T>(wait: TurnWait, work: (leftMs: number) => Promise<T>): Promise<T>;
}

export interface TurnWait {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** A read that takes so long waits for something that is no work of ours: it keeps its turn no longer, in ms. */
const longestTurnMs = 1000;
/** What waits is in memory. */
const maxWaiting = 1000;

export interface ReadTurnsOptions {
  /** How many are under way at once, as of now. */
  readonly atOnce: () => number;
  /** How long one may wait before that is too long for further ones, in ms. */
  readonly targetMs: number;
  /** A clock in ms that never goes back. */
  readonly now?: () => number;
}

export function createReadTurns({
  atOnce,
  targetMs,
  now = () => performance.now(),
}: ReadTurnsOptions): ReadTurns {
  /** Who waits, with the moment since when; in that order. */
  const waiting = new Map<() => void, number>();
  let underWay = 0;
  let endedAt = Number.NEGATIVE_INFINITY;

  function myTurn({ signal, timeoutMs }: TurnWait): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const end = () => {
      waiting.delete(start);
      clearTimeout(timer);
      signal.removeEventListener("abort", leave);
    };
    const start = () => {
      end();
      resolve();
    };
    const leave = () => {
      end();
      reject(abortedBy(signal));
    };
    const timer = setTimeout(() => {
      end();
      reject(new DeadlineExceededError());
    }, timeoutMs);
    signal.addEventListener("abort", leave, { once: true });
    waiting.set(start, now());
    return promise;
  }

  function next(): void {
    endedAt = now();
    const [start] = waiting.keys();
    if (start) start();
    else underWay -= 1;
  }

  /** Ends once, by its read or by time. */
  function startTurn() {
    let ended = false;
    const end = () => {
      if (!ended) next();
      ended = true;
      clearTimeout(timer);
    };
    const timer = setTimeout(end, longestTurnMs).unref();
    return { end };
  }

  return {
    get isStanding() {
      const [since] = waiting.values();
      const isLate = since !== undefined && now() - since > targetMs && endedAt > since;
      return isLate || waiting.size >= maxWaiting;
    },
    async run(wait, work) {
      if (wait.signal.aborted) throw abortedBy(wait.signal);
      const asked = now();
      // Whoever ends hands the turn on, so that nobody who comes meanwhile takes it.
      if (underWay >= atOnce()) await myTurn(wait);
      else underWay += 1;
      const turn = startTurn();
      try {
        return await work(Math.max(1, Math.ceil(wait.timeoutMs - (now() - asked))));
      } finally {
        turn.end();
      }
    },
  };
}
