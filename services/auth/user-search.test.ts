import { describe, expect, test } from "vitest";
import { foldCase, searchPrefix, searchTerms } from "./user-search.ts";

/** Whether a query finds someone of that display name. */
function finds(query: string, displayName: string, username = "zzz"): boolean {
  const asked = searchPrefix(query);
  return searchTerms(username, displayName).some(({ clippedTo, term }) =>
    clippedTo === asked.clippedTo && asked.clippedTo > 0
      ? term === asked.term
      : clippedTo === asked.clippedTo && term.startsWith(asked.term),
  );
}

test("a search begins at the username or at any word of the display name", () => {
  expect(finds("mar", "Someone Else", "mary_jane")).toBe(true);
  expect(finds("jane", "Someone Else", "mary_jane")).toBe(false);
  for (const query of ["ada", "love", "byron"]) expect(finds(query, "Ada Lovelace (Byron)")).toBe(true);
  for (const query of ["da", "ovel", "yron"]) expect(finds(query, "Ada Lovelace (Byron)")).toBe(false);
});

test("a word may be found together with what follows it", () => {
  for (const query of ["o'b", "brien", "brien-s", "smith", "anne o'brien", "anne  o"]) {
    expect(finds(query, "Anne O'Brien-Smith")).toBe(true);
  }
  expect(finds("nne o", "Anne O'Brien-Smith")).toBe(false);
});

test("short queries find the same as long ones", () => {
  for (const query of ["ad", "ada", "ada ", "ada l", "lov", "(b", "by", "byro", "a\u030a\u0301b"]) {
    expect(finds(query, "Ada Lovelace (Byron) \u01fbb"), query).toBe(true);
  }
  for (const query of ["da", "lovi", "b)", "byrn", "zz("]) {
    expect(finds(query, "Ada Lovelace (Byron)"), query).toBe(false);
  }
});

describe("case", () => {
  test.each([
    ["ÉMILE", "émile"],
    ["STRASSE", "Straße"],
    ["straße", "STRASSE"],
    ["STRAẞE", "Straße"],
    ["οδος", "ΟΔΟΣ"],
    ["ΟΔΟΣ", "Οδοσα"],
    ["ﬁona", "Fiona"],
    ["ＡＤＡ", "ada"],
    ["ЁЛКА", "ёлка"],
  ])("%s finds %s", (query, displayName) => {
    expect(finds(query, displayName)).toBe(true);
  });

  test("composed and decomposed letters are the same", () => {
    expect(foldCase("E\u0301mile")).toBe(foldCase("\u00e9mile"));
  });

  test("accents stay", () => {
    expect(finds("emile", "Émile")).toBe(false);
  });

  test("folding again changes nothing", () => {
    for (const text of ["İstanbul", "ŉ", "ǅ", "ΐ", "ﬃ", "ß", "ẞ"]) {
      expect(foldCase(foldCase(text))).toBe(foldCase(text));
    }
  });
});

test("terms stay well-formed and few, whatever the name", () => {
  for (const name of ["a ".repeat(50), "\ufdfa".repeat(100), "😀".repeat(100), `x${"😀".repeat(99)}`]) {
    const terms = searchTerms("zzz", name);
    expect(terms.length).toBeLessThanOrEqual(4 * 51);
    for (const { term } of terms) {
      expect(term.length).toBeLessThanOrEqual(200);
      expect(term.isWellFormed()).toBe(true);
    }
  }
});
