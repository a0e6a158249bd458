import { expect, test } from "vitest";
import { clockTime, dayKey, dayName, relativeTime, shortTime } from "./time.ts";

const now = new Date(2026, 10, 26, 0, 30);
const ago = (minutes: number) => new Date(now.getTime() - minutes * 60_000);

test("a day is named as people call it, by the calendar and not by hours", () => {
  expect(dayName(ago(10), now)).toBe("Today");
  expect(dayName(ago(40), now)).toBe("Yesterday");
  expect(dayName(ago(3 * 24 * 60), now)).toMatch(/23/);
  expect(dayName(new Date(2025, 1, 3), now)).toMatch(/2025/);
  expect(dayKey(ago(10))).not.toBe(dayKey(ago(40)));
});

test("the list of rooms has the shortest that is clear", () => {
  expect(shortTime(ago(10), now)).toBe(clockTime(ago(10)));
  expect(shortTime(ago(40), now)).toBe("Yesterday");
  expect(shortTime(ago(3 * 24 * 60), now)).toBe("Monday");
  expect(shortTime(new Date(2025, 1, 3), now)).toMatch(/2025/);
});

test("a clock that runs behind the server's says no nonsense", () => {
  expect(relativeTime(ago(-5), now)).toBe("just now");
  expect(shortTime(ago(-5), now)).toBe(clockTime(ago(-5)));
});

test("how long ago is said in words", () => {
  expect(relativeTime(ago(1), now)).toBe("1 minute ago");
  expect(relativeTime(ago(29), now)).toBe("29 minutes ago");
  expect(relativeTime(ago(120), now)).toMatch(/^yesterday at /);
});
