/**
 * A bounded queue between code that pushes and one consumer that iterates: how a stream's side is fed without waiting.
 *
 * `push` never waits. It answers false when the queue is full or ended, and the item is then not in it: the producer
 * decides what that means (cut the stream, drop a signal). Iterating takes items in order until `end` (finishes after
 * what is queued) or `fail` (throws at once, queued items are dropped). Leaving the iteration ends the queue.
 */
export interface AsyncQueue<T> extends AsyncIterable<T> {
  /** Adds an item; false if the queue is full, ended or failed. */
  push(item: T): boolean;
  /** No further items; the consumer still gets those queued. */
  end(): void;
  /** The consumer's next step throws `error`. */
  fail(error: unknown): void;
  /** Items that wait for the consumer. */
  readonly size: number;
  /** Whether `end` or `fail` was called, or the consumer left. */
  readonly ended: boolean;
}

/** How many of the items taken are held, at most, or as many as wait: each is moved up once or twice. */
const maxTaken = 256;

export function createAsyncQueue<T>(limit: number): AsyncQueue<T> {
  let items: T[] = [];
  let taken = 0;
  let ended = false;
  let failure: { error: unknown } | undefined;
  let wake: (() => void) | undefined;

  const signal = () => {
    wake?.();
    wake = undefined;
  };
  const stop = (error?: { error: unknown }) => {
    if (ended) return;
    ended = true;
    failure = error;
    signal();
  };

  return {
    push(item) {
      if (ended || items.length - taken >= limit) return false;
      items.push(item);
      signal();
      return true;
    },
    end: () => stop(),
    fail: (error) => stop({ error }),
    get size() {
      return items.length - taken;
    },
    get ended() {
      return ended;
    },
    async *[Symbol.asyncIterator]() {
      try {
        for (;;) {
          if (failure) throw failure.error;
          if (taken < items.length) {
            const item = items[taken++] as T;
            // What was taken is let go of, also where something always waits.
            if (taken === items.length || (taken >= maxTaken && 2 * taken >= items.length)) {
              items = items.slice(taken);
              taken = 0;
            }
            yield item;
          } else if (ended) {
            return;
          } else {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
        }
      } finally {
        ended = true;
        items = [];
        taken = 0;
      }
    },
  };
}
