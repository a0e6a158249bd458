/** A value that changes. It fits React's `useSyncExternalStore` and the stores of other frameworks as it is. */
export interface Observable<T> {
  /** The value now; the same object until the next change. */
  get(): T;
  /** Calls after changes, once for those of one turn of the event loop. Returns what ends it. */
  subscribe(listener: () => void): () => void;
}

/** A value that its owner sets. */
export interface Value<T> extends Observable<T> {
  set(value: T): void;
}

export function createValue<T>(initial: T): Value<T> {
  let value = initial;
  const view = createView(() => value);
  return {
    ...view,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      view.invalidate();
    },
  };
}

/** A value that is made of what its owner keeps, when somebody looks. */
export interface View<T> extends Observable<T> {
  /** What it is made of has changed. */
  invalidate(): void;
}

export function createView<T>(build: () => T): View<T> {
  const listeners = new Set<() => void>();
  let built: { value: T } | undefined;
  let isTold = true;
  return {
    get() {
      built ??= { value: build() };
      return built.value;
    },
    subscribe(subscriber) {
      // Of its own, so that the same function may subscribe twice.
      const listener = () => subscriber();
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    invalidate() {
      built = undefined;
      if (!isTold || listeners.size === 0) return;
      isTold = false;
      queueMicrotask(() => {
        isTold = true;
        for (const listener of [...listeners]) callSafely(listener);
      });
    },
  };
}

/** Calls what was given from outside: what it throws is reported as uncaught, and keeps nobody else from being called. */
export function callSafely<Args extends unknown[]>(listener: (...args: Args) => void, ...args: Args): void {
  try {
    listener(...args);
  } catch (error) {
    setTimeout(() => {
      throw error;
    });
  }
}

/** Resolves as soon as the value is such. Rejects with the signal's reason if it aborts before. */
export function whenTrue<T>(
  observable: Observable<T>,
  isTrue: (value: T) => boolean,
  signal?: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = observable.subscribe(check);
    const abort = () => {
      end();
      reject(signal?.reason);
    };
    function check() {
      const value = observable.get();
      if (!isTrue(value)) return;
      end();
      signal?.removeEventListener("abort", abort);
      resolve(value);
    }
    if (signal?.aborted) return abort();
    signal?.addEventListener("abort", abort, { once: true });
    check();
  });
}
