import { expect, test } from "vitest";
import { InvalidArgumentError } from "./errors.ts";
import { decodePageToken, encodePageToken, isOrdinal } from "./page-token.ts";

const any = () => true;

test("a token gives its key back, for its own list", () => {
  for (const key of ["", "1", "17 01a2", "zoë"]) {
    const token = encodePageToken("rooms of ada", key);
    expect(token).toMatch(/^[\w-]+$/);
    expect(decodePageToken("rooms of ada", token, any)).toBe(key);
    expect(() => decodePageToken("rooms of bob", token, any)).toThrow(InvalidArgumentError);
  }
});

test("absent and empty are the first page, anything else is refused", () => {
  expect(decodePageToken("list", undefined, any)).toBeUndefined();
  expect(decodePageToken("list", "", any)).toBeUndefined();
  const token = encodePageToken("list", "7");
  for (const broken of ["x", "nonsense", `${token}A`, token.slice(1), `${token}=`, `${token}\n`]) {
    expect(() => decodePageToken("list", broken, any)).toThrow(InvalidArgumentError);
  }
});

test("a forged token with a key that is none is refused", () => {
  expect(decodePageToken("list", encodePageToken("list", "12"), isOrdinal)).toBe("12");
  for (const key of ["", "x", "1.5", "-1", "1e3", "9".repeat(16)]) {
    expect(() => decodePageToken("list", encodePageToken("list", key), isOrdinal)).toThrow(
      InvalidArgumentError,
    );
  }
});
