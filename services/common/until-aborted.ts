import { once } from "node:events";

/** What the promise answers, unless the signal aborts first: then it throws the signal's reason. Leaves no listener. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const settled = new AbortController();
  const aborted = once(signal, "abort", { signal: settled.signal }).then(() => signal.throwIfAborted());
  try {
    return (await Promise.race([promise, aborted])) as T;
  } finally {
    aborted.catch(() => {});
    settled.abort();
  }
}
