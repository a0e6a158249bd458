import { expect, test } from "vitest";
import { backoffMs, pause } from "./backoff.ts";

test("doubles the wait with each failure, up to the cap, half of it at random", () => {
  const backoff = { firstMs: 100, capMs: 1_000 };
  for (const [attempt, whole] of [
    [1, 100],
    [2, 200],
    [4, 800],
    [5, 1_000],
    [10_000, 1_000],
  ] as const) {
    for (let time = 0; time < 100; time++) {
      const wait = backoffMs(attempt, backoff);
      expect(wait).toBeGreaterThanOrEqual(whole / 2);
      expect(wait).toBeLessThanOrEqual(whole);
    }
  }
});

test("a pause ends when the signal aborts, and doesn't begin after", async () => {
  const stop = new AbortController();
  const pausing = pause(60_000, stop.signal);
  stop.abort();
  await pausing;
  await pause(60_000, stop.signal);
});
