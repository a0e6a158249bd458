import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { newId } from "../common/ids.ts";
import { createRefreshTokens, hasHash, newSuccessorSalt } from "./refresh-tokens.ts";

const tokens = createRefreshTokens(randomBytes(32));

test("a token is recognised from its text alone", () => {
  const sessionId = newId();
  const token = tokens.first(sessionId);
  const parsed = tokens.parse(token.text);
  expect(parsed?.sessionId).toBe(sessionId);
  expect(parsed && hasHash(parsed, token.hash)).toBe(true);
});

test("the same salt gives the same successor, another salt another one", () => {
  const token = tokens.first(newId());
  const salt = newSuccessorSalt();
  const successor = tokens.successor(token, salt);
  expect(successor.sessionId).toBe(token.sessionId);
  expect(successor.text).not.toBe(token.text);
  expect(tokens.successor(token, salt).text).toBe(successor.text);
  expect(tokens.successor(token, newSuccessorSalt()).text).not.toBe(successor.text);
  expect(tokens.parse(successor.text)?.hash).toEqual(successor.hash);
});

test("a first token can't be guessed from its session", () => {
  const sessionId = newId();
  expect(tokens.first(sessionId).text).not.toBe(tokens.first(sessionId).text);
});

test("whatever wasn't made here is unknown", () => {
  const { text } = tokens.first(newId());
  const foreign = createRefreshTokens(randomBytes(32)).first(newId()).text;
  const flipped = (at: number) => text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
  const bad = [
    "",
    "prt_",
    "x",
    foreign,
    text.slice(4),
    `${text}A`,
    `${text}=`,
    text.slice(0, -1),
    ` ${text}`,
  ];
  for (const other of [...bad, flipped(10), flipped(40), flipped(text.length - 2)]) {
    expect(tokens.parse(other), other).toBeUndefined();
  }
});
