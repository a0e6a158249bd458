import { expect, test } from "vitest";
import { keepTokens } from "./tokens.ts";

const now = Date.UTC(2026, 0, 1);

function issued(payload: unknown) {
  const coded = Buffer.from(JSON.stringify(payload)).toString("base64url");
  return { accessToken: `head.${coded}.signature`, refreshToken: "refresh" };
}

test("the end is reckoned by this clock, however wrong it is", () => {
  for (const iat of [0, now / 1000 - 86_400, now / 1000 + 86_400]) {
    const tokens = issued({ iat, exp: iat + 900 });
    expect(keepTokens(tokens, now)).toEqual({ ...tokens, endsAt: now + 900_000, renewAt: now + 840_000 });
  }
});

test("a short life is used for the most part", () => {
  expect(keepTokens(issued({ iat: 0, exp: 10 }), now)).toMatchObject({
    endsAt: now + 10_000,
    renewAt: now + 8_000,
  });
});

test("what else is in a token doesn't matter, in whatever letters", () => {
  // Coded, they have both of the letters that only base64url has.
  const tokens = issued({ sub: "ÿ~?ÿ>>>???", name: "Ада 👋🏽", iat: 1, exp: 901 });
  expect(tokens.accessToken).toMatch(/-/);
  expect(tokens.accessToken).toMatch(/_/);
  expect(keepTokens(tokens, now).endsAt).toBe(now + 900_000);
});

test("what is no token is refused", () => {
  const others = [
    {},
    null,
    "text",
    { iat: 1 },
    { iat: "1", exp: "2" },
    { iat: 2, exp: 1 },
    { iat: 1, exp: 1 },
  ];
  for (const payload of others) expect(() => keepTokens(issued(payload), now)).toThrow();
  for (const accessToken of ["", "opaque", "a.b", "a.%%%.c", "a..c"])
    expect(() => keepTokens({ accessToken, refreshToken: "refresh" }, now)).toThrow();
});
