import { expect, test } from "vitest";
import { isServerKey, newServerKey } from "./server-key.ts";

test("a key has the shape that scanners look for, and its own sum", () => {
  const key = newServerKey();
  expect(key).toMatch(/^parley_sk_[A-Za-z0-9_-]{48}$/);
  expect(isServerKey(key)).toBe(true);
  expect(newServerKey()).not.toBe(key);
});

test("one that was mistyped or made up is none", () => {
  const key = newServerKey();
  const other = key.at(20) === "A" ? "B" : "A";
  expect(isServerKey(key.slice(0, 20) + other + key.slice(21))).toBe(false);
  expect(isServerKey(`parley_sk_${"A".repeat(47)}B`)).toBe(false);
  expect(isServerKey("")).toBe(false);
});
