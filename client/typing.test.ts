import { expect, test, vi } from "vitest";
import { useTestClock } from "./test-clock.ts";
import { createTyping } from "./typing.ts";

useTestClock();

function setUp() {
  const onChange = vi.fn();
  return { onChange, typing: createTyping(onChange) };
}

test("who is typing is shown until a while after the last sign of it", () => {
  const { typing, onChange } = setUp();
  typing.saw("ada");
  vi.advanceTimersByTime(3_000);
  typing.saw("bob");
  typing.saw("ada");
  expect(typing.userIds).toEqual(["ada", "bob"]);
  vi.advanceTimersByTime(3_100);
  typing.saw("ada");
  vi.advanceTimersByTime(3_000);
  expect(typing.userIds).toEqual(["ada"]);
  vi.advanceTimersByTime(3_000);
  expect(typing.userIds).toEqual([]);
  // Two came, two went: to go on is no change.
  expect(onChange).toHaveBeenCalledTimes(4);
});

test("who posts is typing no more, and is if they go on", () => {
  const { typing, onChange } = setUp();
  typing.saw("ada");
  vi.advanceTimersByTime(5_000);
  typing.stopped("ada");
  expect(typing.userIds).toEqual([]);
  typing.saw("ada");
  vi.advanceTimersByTime(5_000);
  expect(typing.userIds).toEqual(["ada"]);
  expect(onChange).toHaveBeenCalledTimes(3);
});

test("who posts without having typed changes nothing", () => {
  const { typing, onChange } = setUp();
  typing.stopped("ada");
  expect(onChange).not.toHaveBeenCalled();
});

test("nobody is left after clearing, nor a timer", () => {
  const { typing, onChange } = setUp();
  typing.saw("ada");
  typing.saw("bob");
  typing.clear();
  expect(typing.userIds).toEqual([]);
  expect(onChange).toHaveBeenCalledTimes(4);
  expect(vi.getTimerCount()).toBe(0);
});
