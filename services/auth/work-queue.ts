import { CancelledError, OverloadedError } from "../common/errors.ts";
import type { Metrics } from "../common/metrics.ts";

/** Runs costly work a few at a time, in the order it came, and refuses what would wait too long. */
export interface WorkQueue {
  /**
   * Runs the work when its turn comes. OverloadedError if too much waits already. Work whose signal is aborted while
   * it waits is never begun.
   */
  run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  readonly running: number;
  readonly waiting: number;
  /** How much was refused. */
  readonly refused: number;
}

export interface WorkQueueOptions {
  /** How much runs at once. */
  concurrency: number;
  /** How much may wait besides. */
  maxWaiting: number;
  /** Why more is refused, for people. */
  refusal: string;
}

export function createWorkQueue({ concurrency, maxWaiting, refusal }: WorkQueueOptions): WorkQueue {
  /** In the order of arrival; a set, so that what is given up leaves at once. */
  const waiting = new Set<() => void>();
  let running = 0;
  let refused = 0;

  function next(): void {
    running--;
    const [begin] = waiting;
    if (begin === undefined) return;
    waiting.delete(begin);
    begin();
  }

  function turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        waiting.delete(begin);
        reject(new CancelledError());
      };
      const begin = () => {
        signal?.removeEventListener("abort", giveUp);
        running++;
        resolve();
      };
      waiting.add(begin);
      signal?.addEventListener("abort", giveUp, { once: true });
    });
  }

  return {
    async run(work, signal) {
      if (signal?.aborted) throw new CancelledError();
      if (running < concurrency) running++;
      else if (waiting.size < maxWaiting) await turn(signal);
      else {
        refused += 1;
        throw new OverloadedError(refusal);
      }
      try {
        return await work();
      } finally {
        next();
      }
    },
    get running() {
      return running;
    },
    get waiting() {
      return waiting.size;
    },
    get refused() {
      return refused;
    },
  };
}

export function showQueue(metrics: Metrics | undefined, queue: WorkQueue): void {
  metrics?.gauge({
    name: "parley_password_queue_length",
    help: "Passwords that wait for their turn to be hashed or checked.",
    read: () => queue.waiting,
  });
  metrics?.gauge({
    name: "parley_password_queue_running",
    help: "Passwords that are being hashed or checked.",
    read: () => queue.running,
  });
  metrics?.counter({
    name: "parley_password_queue_refused_total",
    help: "Passwords that were refused because too many waited.",
    read: () => queue.refused,
  });
}
