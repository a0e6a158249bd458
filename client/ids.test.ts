import { expect, test } from "vitest";
import { createEntryKeys, createId } from "./ids.ts";

/** As a storage sorts them. */
const sorted = (keys: readonly string[]) => keys.toSorted((a, b) => (a < b ? -1 : 1));

test("ids are as long as their chance says, and never the same", () => {
  const ids = Array.from({ length: 1_000 }, createId);
  expect(new Set(ids).size).toBe(1_000);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
});

test("keys sort by when they were made, also those of one moment", () => {
  let now = Date.UTC(2026, 0, 1);
  const keys = createEntryKeys(() => now);
  // More of one moment than one digit, or two, can count; and times that grow by a digit.
  const made = Array.from({ length: 2_000 }, keys.next);
  for (const later of [1, 36, 36 ** 4, 36 ** 8]) {
    now += later;
    made.push(keys.next(), keys.next());
  }
  expect(sorted(made)).toEqual(made);
  expect(new Set(made).size).toBe(made.length);
});

test("a clock that is set back puts no key before an older one", () => {
  let now = 1_000_000;
  const keys = createEntryKeys(() => now);
  const made = [keys.next()];
  now = 10;
  made.push(keys.next(), keys.next());
  now = 1_000_001;
  made.push(keys.next());
  expect(sorted(made)).toEqual(made);
});

test("keys of several tabs sort by when they were made, and those of one moment differ", () => {
  let now = 1_000_000;
  const tabs = [createEntryKeys(() => now), createEntryKeys(() => now)];
  const of = () => tabs.map((tab) => tab.next());
  const first = of();
  now += 1;
  const second = of();
  expect(new Set(first).size).toBe(2);
  expect(new Set(sorted([...second, ...first]).slice(0, 2))).toEqual(new Set(first));
});
