import { expect, test } from "vitest";
import { InvalidArgumentError } from "../common/errors.ts";
import { decodePageToken, encodePageToken, isOrdinal } from "./page-tokens.ts";

test("a token gives back its key", () => {
  expect(decodePageToken("members a", encodePageToken("members a", "17"), isOrdinal)).toBe("17");
});

test("no token and an empty one mean the first page", () => {
  expect(decodePageToken("members a", undefined, isOrdinal)).toBeUndefined();
  expect(decodePageToken("members a", "", isOrdinal)).toBeUndefined();
});

test.each([
  ["of another list", encodePageToken("members b", "17")],
  ["cut short", encodePageToken("members a", "17").slice(0, -1)],
  ["with something behind it", `${encodePageToken("members a", "17")}=`],
  ["with another key", encodePageToken("members a", "x")],
  ["made up", "made up"],
])("a token %s is refused", (_, token) => {
  expect(() => decodePageToken("members a", token, isOrdinal)).toThrow(InvalidArgumentError);
});
