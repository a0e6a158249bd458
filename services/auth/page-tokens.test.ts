import { expect, test } from "vitest";
import { InvalidArgumentError } from "../common/errors.ts";
import { idToBytes, newId } from "../common/ids.ts";
import {
  decodeSessionCursor,
  decodeUserCursor,
  encodeSessionCursor,
  encodeUserCursor,
} from "./page-tokens.ts";

const userId = newId();
const cursor = { createdAt: 1_700_000_000_123, sessionId: idToBytes(newId()) };

test("a token leads back to where the page ended", () => {
  expect(decodeSessionCursor(userId, encodeSessionCursor(userId, cursor))).toEqual(cursor);
  expect(decodeUserCursor("al", encodeUserCursor("al", "alice"))).toBe("alice");
});

test("without a token the list begins", () => {
  for (const token of [undefined, ""]) {
    expect(decodeSessionCursor(userId, token)).toBeUndefined();
    expect(decodeUserCursor("al", token)).toBeUndefined();
  }
});

test("a broken token, or that of another list, is an invalid argument", () => {
  const good = encodeUserCursor("al", "alice");
  const broken = ["x", "!", "eyJ9", good.slice(1), good.slice(0, -1), `${good}=`, `${good} `];
  for (const token of [...broken, encodeSessionCursor(userId, cursor), encodeUserCursor("bo", "bob")]) {
    expect(() => decodeUserCursor("al", token), token).toThrow(InvalidArgumentError);
  }
  const others = [
    good,
    encodeSessionCursor(newId(), cursor),
    encodeSessionCursor(userId, cursor).toLowerCase(),
  ];
  for (const token of others) expect(() => decodeSessionCursor(userId, token)).toThrow(InvalidArgumentError);
  expect(() => decodeUserCursor("al", "x")).toThrow(
    expect.objectContaining({ violations: [expect.objectContaining({ field: "page_token" })] }),
  );
});
