import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createToasts } from "./toasts.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const texts = (toasts: ReturnType<typeof createToasts>) => toasts.shown.get().map(({ text }) => text);

test("what was done goes after a while, and what failed stays longer", () => {
  const toasts = createToasts();
  toasts.show("Copied");
  toasts.show("Not copied", "failed");
  vi.advanceTimersByTime(4000);
  expect(texts(toasts)).toEqual(["Not copied"]);
  vi.advanceTimersByTime(6000);
  expect(texts(toasts)).toEqual([]);
});

test("the newest three are shown, and the same words once", () => {
  const toasts = createToasts();
  for (const text of ["one", "two", "three", "two", "four"]) toasts.show(text);
  expect(texts(toasts)).toEqual(["three", "two", "four"]);
  toasts.dismiss(toasts.shown.get()[0]!.id);
  expect(texts(toasts)).toEqual(["two", "four"]);
});

test("each dialogue that opens is the deepest until it closes, and that is told", () => {
  const toasts = createToasts();
  const told: number[] = [];
  toasts.depth.subscribe(() => told.push(toasts.depth.get()));
  const outer = toasts.enter();
  const inner = toasts.enter();
  expect([outer.depth, inner.depth]).toEqual([1, 2]);
  inner.leave();
  outer.leave();
  expect(told).toEqual([1, 2, 1, 0]);
});
