import { cancelledError, toParleyError } from "./errors.ts";
import type { LoadOptions } from "./room-types.ts";

/** What is under way for what a room shows: it is given up together, when that is begun anew. */
export interface RoomLife {
  /** Aborts when all is given up; then there is another. */
  readonly signal: AbortSignal;
  /** What `start` began goes on. */
  readonly isLoading: boolean;
  giveUp(): void;
  /** Begins if nothing begun so goes on. Whoever shows the room learns of a failure from its state. */
  start(work: (signal: AbortSignal) => Promise<void>): void;
  /** Ends with the caller's signal, and quietly when all is given up meanwhile. */
  during(work: (signal: AbortSignal) => Promise<void>, options?: LoadOptions): Promise<void>;
}

export function createRoomLife(): RoomLife {
  let life = new AbortController();
  let isLoading = false;

  return {
    get signal() {
      return life.signal;
    },
    get isLoading() {
      return isLoading;
    },
    giveUp() {
      life.abort();
      life = new AbortController();
      isLoading = false;
    },
    start(work) {
      if (isLoading) return;
      isLoading = true;
      const { signal } = life;
      void work(signal)
        .catch(() => {
          // Its state says so, or it was given up.
        })
        .finally(() => {
          if (signal === life.signal) isLoading = false;
        });
    },
    async during(work, { signal } = {}) {
      const { signal: mine } = life;
      try {
        await work(signal ? AbortSignal.any([signal, mine]) : mine);
      } catch (error) {
        if (signal?.aborted) throw cancelledError(signal);
        if (!mine.aborted) throw toParleyError(error);
      }
    },
  };
}
