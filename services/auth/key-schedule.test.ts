import { expect, test } from "vitest";
import { planSuccessor, retiredLongAgo } from "./key-schedule.ts";

const schedule = { rotationMs: 1000, leadMs: 100, tokenLifetimeMs: 50 };
const key = (kid: string, activatesAt: number) => ({ kid, activates_at: activatesAt });

test("the first key signs at once", () => {
  expect(planSuccessor([], 5, schedule)).toEqual({ activatesAt: 5, retires: undefined });
});

test("a successor is made one lead before the rotation", () => {
  expect(planSuccessor([key("a", 0)], 899, schedule)).toBeUndefined();
  expect(planSuccessor([key("a", 0)], 900, schedule)).toEqual({ activatesAt: 1000, retires: "a" });
});

test("nothing is made while a successor waits", () => {
  expect(planSuccessor([key("a", 0), key("b", 1000)], 950, schedule)).toBeUndefined();
});

test("after a pause the new key is still published for one lead", () => {
  expect(planSuccessor([key("a", 0)], 5000, schedule)).toEqual({ activatesAt: 5100, retires: "a" });
});

test("a retired key outlives the tokens that it signed", () => {
  expect(retiredLongAgo(1000, schedule)).toBe(850);
});
