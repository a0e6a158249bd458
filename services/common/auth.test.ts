import { createPublicKey, type JsonWebKey, sign as signBytes } from "node:crypto";
import { SignJWT, UnsecuredJWT } from "jose";
import { describe, expect, test } from "vitest";
import { newId } from "./ids.ts";
import {
  claimsOf,
  foreignKey,
  key,
  nowSeconds,
  refusal,
  sessionId,
  sign,
  startVerifier,
  type TokenInit,
  userId,
} from "./test-verifier.ts";

/** What SignJWT refuses to make. */
function signWithCritical({ header }: TokenInit): string {
  const parts = [{ alg: "EdDSA", typ: "at+jwt", kid: key.kid, ...header }, claimsOf({})];
  const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${text}.${signBytes(null, Buffer.from(text), key.privateKey).toString("base64url")}`;
}

describe("verifying", () => {
  test("a good token says who calls, and is known from then on", async () => {
    const { verifier } = startVerifier();
    const issuedAt = nowSeconds();
    const token = await sign({ issuedAt });
    expect(verifier.cached(token)).toBeUndefined();

    const caller = await verifier.verify(token);

    expect(caller).toEqual({ userId, sessionId, expiresAt: (issuedAt + 600) * 1000, token });
    expect(verifier.cached(token)).toBe(caller);
    expect(await verifier.verify(token)).toBe(caller);
  });

  test("the same token verified at the same time is verified once", async () => {
    const { verifier } = startVerifier();
    const token = await sign();
    const [first, second] = await Promise.all([verifier.verify(token), verifier.verify(token)]);
    expect(first).toBe(second);
  });

  test("a clock that is a little ahead is forgiven", async () => {
    const { verifier } = startVerifier();
    expect((await verifier.verify(await sign({ issuedAt: nowSeconds() + 30 }))).userId).toBe(userId);
  });

  test.each<[string, TokenInit]>([
    ["signed by another key of the same id", { key: foreignKey }],
    ["of an unknown key", { header: { kid: "k2" } }],
    ["without a key id", { header: { kid: undefined } as never }],
    ["of another issuer", { claims: { iss: "http://other.test" } }],
    ["without an issuer", { claims: { iss: undefined } }],
    ["for somebody else", { claims: { aud: "other" } }],
    ["for several others", { claims: { aud: ["other", "another"] } }],
    ["whose key id is a path", { key: foreignKey, header: { kid: "../../../dev/null" } }],
    ["whose key id is a statement", { key: foreignKey, header: { kid: "' OR 1=1 --" } }],
    ["whose key id is long", { key: foreignKey, header: { kid: "k".repeat(2_000) } }],
    ["that says where its key is", { key: foreignKey, header: { jku: "http://127.0.0.1:1/" } }],
    ["that brings a certificate", { key: foreignKey, header: { x5c: ["MIIB"] } }],
    ["without a user", { claims: { sub: undefined } }],
    ["without an audience", { claims: { aud: undefined } }],
    ["of another type", { header: { typ: "JWT" } }],
    ["without a type", { header: { typ: undefined } as never }],
    ["from the future", { issuedAt: nowSeconds() + 120 }],
    ["not valid yet", { claims: { nbf: nowSeconds() + 120 } }],
    ["without an issue time", { claims: { iat: undefined } }],
    ["without an expiry", { claims: { exp: undefined } }],
    ["without a session", { claims: { sid: undefined } }],
    ["whose session is no id", { claims: { sid: "s1" } }],
    ["whose user is no id", { claims: { sub: "ann" } }],
    ["whose session is no string", { claims: { sid: 1 } }],
    ["with a critical extension", { header: { crit: ["x"], x: 1 } as never }],
  ])("a token %s is refused", async (_, init) => {
    const { verifier } = startVerifier();
    const token = init.header?.crit === undefined ? await sign(init) : signWithCritical(init);
    expect(await refusal(verifier, token)).toBe("UNAUTHENTICATED");
    expect(verifier.cached(token)).toBeUndefined();
  });

  test("an unsigned token is refused", async () => {
    const { verifier } = startVerifier();
    const { iss, aud, sub, ...rest } = claimsOf({});
    const unsigned = new UnsecuredJWT({ iss, aud, sub, ...rest }).encode();
    const header = Buffer.from(JSON.stringify({ alg: "none", typ: "at+jwt", kid: key.kid })).toString(
      "base64url",
    );
    expect(await refusal(verifier, unsigned)).toBe("UNAUTHENTICATED");
    expect(await refusal(verifier, `${header}.${unsigned.split(".")[1]}.`)).toBe("UNAUTHENTICATED");
  });

  test("a token signed with the public key as a shared secret is refused", async () => {
    const { verifier } = startVerifier();
    for (const secret of [
      key.jwk.x ?? "",
      JSON.stringify(key.jwk),
      createPublicKey({ key: key.jwk as JsonWebKey, format: "jwk" }).export({ format: "pem", type: "spki" }),
      Buffer.from(key.jwk.x ?? "", "base64url"),
    ]) {
      const token = await new SignJWT(claimsOf({}))
        .setProtectedHeader({ alg: "HS256", typ: "at+jwt", kid: key.kid })
        .sign(Buffer.from(secret));
      expect(await refusal(verifier, token)).toBe("UNAUTHENTICATED");
    }
  });

  test("a key that comes with the token is not believed", async () => {
    const { verifier } = startVerifier();
    const token = await sign({ key: foreignKey, header: { jwk: foreignKey.jwk } as never });
    expect(await refusal(verifier, token)).toBe("UNAUTHENTICATED");
  });

  test.each([
    "",
    "x",
    "a.b.c",
    "..",
    "é".repeat(100),
    "a".repeat(100_000),
    `${"a".repeat(50)}.${"b".repeat(50)}.c`,
  ])("garbage is refused: %.20s", async (token) => {
    expect(await refusal(startVerifier().verifier, token)).toBe("UNAUTHENTICATED");
  });

  test("a token that was tampered with is refused", async () => {
    const { verifier } = startVerifier();
    const [header, , signature] = (await sign()).split(".");
    const payload = Buffer.from(JSON.stringify(claimsOf({ claims: { sub: newId() } }))).toString("base64url");
    expect(await refusal(verifier, `${header}.${payload}.${signature}`)).toBe("UNAUTHENTICATED");
  });

  test("an expired token says so, whether it was known or not", async () => {
    const { verifier, time } = startVerifier();
    expect(await refusal(verifier, await sign({ issuedAt: nowSeconds() - 601 }))).toBe("TOKEN_EXPIRED");
    const token = await sign();
    await verifier.verify(token);
    time.ahead = 601_000;
    expect(verifier.cached(token)).toBeUndefined();
    expect(await refusal(verifier, token)).toBe("TOKEN_EXPIRED");
  });

  test("an expired token that was never valid does not say that it was", async () => {
    const { verifier } = startVerifier();
    const token = await sign({ key: foreignKey, issuedAt: nowSeconds() - 601 });
    expect(await refusal(verifier, token)).toBe("UNAUTHENTICATED");
  });
});
