import { expect, test } from "vitest";
import { hueOf, hues, initialsOf } from "./initials.ts";

test.each([
  ["Ada Lovelace", "AL"],
  ["ada", "A"],
  ["grace.hopper", "GH"],
  ["Jean-Luc Picard", "JP"],
  ["🦊 Fox", "F"],
  ["🦊", "🦊"],
  ["", "?"],
  ["Ömer Çelik", "ÖÇ"],
])("%j has the initials %j", (name, initials) => {
  expect(initialsOf(name)).toBe(initials);
});

test("colours are those that there are, and are all used", () => {
  const used = new Set(Array.from({ length: 200 }, (_, i) => hueOf(`019ac${i}-person`)));
  expect(used.size).toBe(hues);
  expect(Math.max(...used)).toBeLessThan(hues);
});
