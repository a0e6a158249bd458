/** Items that can be said to end before they do. */
export interface Endable<T> extends AsyncIterable<T> {
  /** Whoever waits for the next item is told that there is none; what comes later is not taken. */
  end(): void;
}

/** For one reader. No promise outlives its step: a race against one that does would hold every step in memory. */
export function createEndable<T>(items: AsyncIterable<T>): Endable<T> {
  const source = items[Symbol.asyncIterator]();
  const over: IteratorReturnResult<undefined> = { done: true, value: undefined };
  let ended = false;
  let waiting: ((result: IteratorResult<T>) => void) | undefined;

  function end(): void {
    ended = true;
    waiting?.(over);
    waiting = undefined;
  }

  return {
    end,
    [Symbol.asyncIterator]: () => ({
      next() {
        if (ended) return Promise.resolve(over);
        return new Promise<IteratorResult<T>>((resolve, reject) => {
          waiting = resolve;
          source.next().then(resolve, reject);
        });
      },
      async return() {
        end();
        await source.return?.();
        return over;
      },
    }),
  };
}
