import type { Metrics } from "./metrics.ts";

/** So many per period. */
export interface Rate {
  readonly count: number;
  readonly perMs: number;
}

/**
 * Rate limits by the generic cell rate algorithm. A rate of 20/s is a bucket of 20 that fills by one every 50 ms: who
 * was idle for a second may take 20 at once, who goes on gets 20 a second, and what is refused costs nothing.
 *
 * A key costs one number. Keys that were idle for a whole period have a full bucket again, so they are forgotten, by
 * generation and without a timer: the current map becomes the previous one once a period is over, and what is not asked
 * for again goes with it. More than `maxKeys` in one period turn the generations early; those who are forgotten too
 * soon then get a full bucket, never a refusal.
 */
export interface RateLimiter {
  /** Takes n at once: 0 if they are admitted, else how many ms to wait. More than the bucket holds counts as all of it. */
  take(key: string, n?: number): number;
  /** How often it was not admitted. */
  readonly refused: number;
}

export interface RateLimiterOptions {
  maxKeys?: number;
  /** A clock in ms that never goes back. */
  now?: () => number;
}

/** Without a rate everything is admitted. */
export function createRateLimiter(rate: Rate | undefined, options: RateLimiterOptions = {}): RateLimiter {
  if (rate === undefined) return unlimited;
  const { count, perMs } = rate;
  const { maxKeys = 100_000, now = () => performance.now() } = options;
  const costMs = perMs / count;
  let current = new Map<string, number>();
  let previous = new Map<string, number>();
  let turnedAt = now();
  let refused = 0;

  function turn(time: number): void {
    previous = time - turnedAt >= 2 * perMs ? new Map() : current;
    current = new Map();
    turnedAt = time;
  }

  return {
    take(key, n = 1) {
      const time = now();
      if (time - turnedAt >= perMs || current.size >= maxKeys) turn(time);
      const fullAt = Math.max(current.get(key) ?? previous.get(key) ?? 0, time);
      const next = fullAt + Math.min(n, count) * costMs;
      const wait = next - time - perMs;
      // Sums of fractions: what is less than a microsecond late is in time.
      if (wait > 0.001) {
        refused += 1;
        return Math.ceil(wait);
      }
      current.set(key, next);
      return 0;
    },
    get refused() {
      return refused;
    },
  };
}

/** Shows how often limits were hit, by their names. */
export function countRefusals(
  metrics: Metrics | undefined,
  limiters: Readonly<Record<string, RateLimiter>>,
): void {
  for (const [limit, limiter] of Object.entries(limiters)) {
    metrics?.counter({
      name: "parley_rate_limited_total",
      help: "What was refused because a configured rate was exceeded.",
      labels: { limit },
      read: () => limiter.refused,
    });
  }
}

const unlimited: RateLimiter = { take: () => 0, refused: 0 };
