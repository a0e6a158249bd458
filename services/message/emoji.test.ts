import { describe, expect, test } from "vitest";
import { toQualifiedEmoji } from "./emoji.ts";

/** Fully qualified, as emoji-test.txt lists them. */
const qualified = [
  "👍",
  "👍🏽",
  "❤️",
  "❤️‍🔥",
  "©️",
  "#️⃣",
  "7️⃣",
  "🇩🇪",
  "🏴󠁧󠁢󠁳󠁣󠁴󠁿",
  "🏳️‍🌈",
  "🏳️‍⚧️",
  "👁️‍🗨️",
  "🕵️",
  "🕵🏽‍♂️",
  "🕵️‍♀️",
  "⛹🏿‍♀️",
  "👩🏽‍💻",
  "👩‍❤️‍💋‍👨",
  "👨‍👩‍👧‍👦",
  "☝🏻",
  "✍️",
  "🐻‍❄️",
  "🧑🏻‍🤝‍🧑🏿",
  "🏽",
  "‼️",
  "🈁",
  "🅰️",
];

describe("toQualifiedEmoji", () => {
  test.each(qualified)("%s stays as it is", (emoji) => {
    expect(toQualifiedEmoji(emoji)).toBe(emoji);
  });

  test.each(qualified)("%s without variation selectors is the same", (emoji) => {
    expect(toQualifiedEmoji(emoji.replaceAll("\u{FE0F}", ""))).toBe(emoji);
  });

  test("a selector that is not needed makes no other emoji", () => {
    expect(toQualifiedEmoji("👍\u{FE0F}")).toBe("👍");
    expect(toQualifiedEmoji("🏳\u{FE0F}‍🌈\u{FE0F}")).toBe("🏳️‍🌈");
    expect(toQualifiedEmoji("☝\u{FE0F}🏻")).toBe("☝🏻");
  });

  test.each([
    ["nothing", ""],
    ["a letter", "x"],
    ["a digit", "1"],
    ["a digit with a selector", "1\u{FE0F}"],
    ["two", "👍👍"],
    ["text after it", "👍x"],
    ["a space", "👍 "],
    ["half a flag", "🇩"],
    ["a flag of no region", "🇽🇽"],
    ["a selector alone", "\u{FE0F}"],
    ["a selector before it", "\u{FE0F}👍"],
    ["two selectors", "❤\u{FE0F}\u{FE0F}"],
    ["the text form", "❤\u{FE0E}"],
    ["a joiner at the end", "👩‍"],
    ["a sequence nobody recommends", "👩‍🥑"],
    ["a lone surrogate", "\ud83d"],
  ])("%s is none", (_what, text) => {
    expect(toQualifiedEmoji(text)).toBeUndefined();
  });
});
