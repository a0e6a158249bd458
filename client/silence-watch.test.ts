import { expect, test, vi } from "vitest";
import { createSilenceWatch } from "./silence-watch.ts";
import { useTestClock } from "./test-clock.ts";

useTestClock();

function watch(canAsk: boolean) {
  const [ask, onDead, over] = [vi.fn(), vi.fn(), new AbortController()];
  const silence = createSilenceWatch({ ask, onDead, canAsk, answerMs: 8_000, signal: over.signal });
  silence.start(30_000);
  return { ask, onDead, silence };
}

test("who can be asked is asked when the device wakes, and is dead without an answer", () => {
  const { ask, onDead, silence } = watch(true);
  silence.check();
  expect(ask).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(7_000);
  expect(onDead).not.toHaveBeenCalled();
  vi.advanceTimersByTime(2_000);
  expect(onDead).toHaveBeenCalled();
});

test("who answers lives", () => {
  const { onDead, silence } = watch(true);
  silence.check();
  silence.heard();
  vi.advanceTimersByTime(20_000);
  expect(onDead).not.toHaveBeenCalled();
});

test("a stream that can't be asked is given up when the device wakes", () => {
  const { onDead, silence } = watch(false);
  silence.check();
  expect(onDead).toHaveBeenCalledTimes(1);
});

test("a stream that can't be asked is dead after two intervals without a heartbeat", () => {
  const { onDead } = watch(false);
  vi.advanceTimersByTime(59_000);
  expect(onDead).not.toHaveBeenCalled();
  vi.advanceTimersByTime(2_000);
  expect(onDead).toHaveBeenCalled();
});
