import {
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
  sign,
} from "node:crypto";
import { claimsOf, expired, headerOf, type Json, part, resign, signed } from "../conformance/signing.ts";

/** A token that must not be believed, and what is said of it. */
export interface Forgery {
  readonly name: string;
  readonly token: string;
  readonly reason: "UNAUTHENTICATED" | "TOKEN_EXPIRED";
}

export interface ForgeryDeps {
  /** Somebody's good token. */
  readonly token: string;
  /** The key that signed it, as JWKS publishes it. */
  readonly jwk: Readonly<Record<string, string>>;
  /** The key itself: for tokens that are wrong in what they say alone. */
  readonly privateKey: KeyObject;
}

export function forgeries(deps: ForgeryDeps): Forgery[] {
  return [
    ...byAlgorithm(deps),
    ...byKey(deps),
    ...byHeader(deps),
    ...byClaims(deps),
    ...tampered(deps.token),
  ].map(({ name, token, reason = "UNAUTHENTICATED" }) => ({ name, token, reason }));
}

type Draft = Omit<Forgery, "reason"> & Partial<Pick<Forgery, "reason">>;

function byAlgorithm({ token, jwk }: ForgeryDeps): Draft[] {
  const [, payload] = token.split(".");
  const claims = claimsOf(token);
  const pem = createPublicKey({ key: jwk, format: "jwk" }).export({ format: "pem", type: "spki" });
  const secrets = {
    "raw key": Buffer.from(jwk.x ?? "", "base64url"),
    "key's x": jwk.x ?? "",
    PEM: pem,
    JWK: JSON.stringify(jwk),
    nothing: "",
  };
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  return [
    ...["none", "None", "NONE", "nOnE", ""].map((alg) => ({
      name: `alg "${alg}"`,
      token: `${part({ ...headerOf(token), alg })}.${payload}.`,
    })),
    {
      name: "alg none with the real signature",
      token: `${part({ ...headerOf(token), alg: "none" })}.${payload}.${token.split(".")[2]}`,
    },
    ...Object.entries(secrets).map(([what, secret]) => ({
      name: `HS256 with the public key as secret: ${what}`,
      token: signed({ ...headerOf(token), alg: "HS256" }, claims, (text) =>
        createHmac("sha256", secret).update(text).digest(),
      ),
    })),
    {
      name: "RS256",
      token: signed({ ...headerOf(token), alg: "RS256" }, claims, (text) => sign("sha256", text, rsa)),
    },
    {
      name: "ES256",
      token: signed({ ...headerOf(token), alg: "ES256" }, claims, (text) =>
        sign("sha256", text, { key: ec, dsaEncoding: "ieee-p1363" }),
      ),
    },
  ];
}

function byKey({ token }: ForgeryDeps): Draft[] {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const foreign = (header: Json) => resign({ token, privateKey }, {}, header);
  const jwk = publicKey.export({ format: "jwk" });
  const kids = [
    randomUUID(),
    "",
    "../../../../dev/null",
    "' OR 1=1 --",
    "__proto__",
    "k".repeat(2000),
    "k".repeat(4000),
    1,
    null,
    [""],
  ];
  return [
    { name: "a foreign key of the same kid", token: foreign({}) },
    { name: "no kid", token: foreign({ kid: undefined }) },
    ...kids.map((kid) => ({ name: `kid ${JSON.stringify(kid).slice(0, 30)}`, token: foreign({ kid }) })),
    { name: "a key of its own (jwk)", token: foreign({ jwk }) },
    {
      name: "a key of its own, by its kid (jwk)",
      token: foreign({ kid: "mine", jwk: { ...jwk, kid: "mine" } }),
    },
    { name: "where its key is (jku)", token: foreign({ jku: "http://127.0.0.1:1/jwks.json" }) },
    {
      name: "a certificate (x5c)",
      token: foreign({ x5c: [publicKey.export({ format: "der", type: "spki" }).toString("base64")] }),
    },
    { name: "where its certificate is (x5u)", token: foreign({ x5u: "file:///etc/passwd" }) },
    { name: "another's claims, expired", token: resign({ token, privateKey }, { exp: 1 }) },
  ];
}

function byHeader(deps: ForgeryDeps): Draft[] {
  const headers: Json[] = [
    { typ: "JWT" },
    { typ: undefined },
    { typ: "at+jwt2" },
    { alg: "Ed448" },
    { kid: undefined },
    { crit: ["x"], x: 1 },
    { crit: [] },
    { crit: ["b64"], b64: false },
  ];
  return headers.map((header) => ({
    name: `header ${JSON.stringify(header, orUndefined)}`,
    token: resign(deps, {}, header),
  }));
}

function byClaims(deps: ForgeryDeps): Draft[] {
  const now = Math.floor(Date.now() / 1000);
  const claims: Json[] = [
    { aud: "other" },
    { aud: ["other"] },
    { aud: [] },
    { aud: undefined },
    { iss: "https://elsewhere.test" },
    { iss: undefined },
    { sub: undefined },
    { sub: "ada" },
    { sub: 1 },
    { sid: undefined },
    { sid: "x" },
    { exp: undefined },
    { exp: "never" },
    { iat: undefined },
    { iat: now + 3600, exp: now + 4200 },
    { nbf: now + 3600 },
  ];
  return [
    ...claims.map((each) => ({
      name: `claims ${JSON.stringify(each, orUndefined)}`,
      token: resign(deps, each),
    })),
    {
      name: "an expired one",
      token: expired(deps),
      reason: "TOKEN_EXPIRED",
    },
  ];
}

function tampered(token: string): Draft[] {
  const [header, payload, signature] = token.split(".") as [string, string, string];
  const claims = claimsOf(token);
  return [
    { name: "another's sub", token: `${header}.${part({ ...claims, sub: randomUUID() })}.${signature}` },
    { name: "a longer life", token: `${header}.${part({ ...claims, exp: 9_999_999_999 })}.${signature}` },
    { name: "half a signature", token: `${header}.${payload}.${signature.slice(0, 43)}` },
    { name: "no signature", token: `${header}.${payload}.` },
    { name: "two parts", token: `${header}.${payload}` },
    { name: "four parts", token: `${token}.${signature}` },
    { name: "garbage", token: "garbage" },
  ];
}

const orUndefined = (_: string, value: unknown) => (value === undefined ? "(absent)" : value);
