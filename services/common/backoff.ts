import { setTimeout } from "node:timers/promises";

/** How long to wait between attempts. */
export interface Backoff {
  /** About the first wait, in ms; each further one is twice as long. */
  readonly firstMs: number;
  /** No wait is longer, in ms. */
  readonly capMs: number;
}

/** The wait after the `attempt`-th failure in a row (from 1), in ms: half of it fixed and half random, so that those who failed together don't return together. */
export function backoffMs(attempt: number, { firstMs, capMs }: Backoff): number {
  // The exponent is bounded so that it stays a number however long an outage lasts.
  const whole = Math.min(capMs, firstMs * 2 ** Math.min(attempt - 1, 30));
  return whole * (0.5 + Math.random() / 2);
}

/** Waits; ends early, and without an error, when the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await setTimeout(ms, undefined, { signal }).catch(() => {});
}
