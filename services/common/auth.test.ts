import {
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  sign as signBytes,
} from "node:crypto";
import { exportJWK, type JWK, type JWTHeaderParameters, SignJWT, UnsecuredJWT } from "jose";
import { pino } from "pino";
import { afterEach, describe, expect, test } from "vitest";
import { AuthInternalService } from "#gen/parley/internal/v1/auth_internal_service_pb.js";
import { createAsyncQueue } from "./async-queue.ts";
import { accessTokenLifetimeMs, createTokenVerifier } from "./auth.ts";
import { reasonOf, UnavailableError } from "./errors.ts";
import { newId } from "./ids.ts";
import { createLocalRpc } from "./rpc/local.ts";
import type { ServedService } from "./rpc/rpc.ts";

const issuer = "http://parley.test";
const userId = newId();
const sessionId = newId();

interface Key {
  kid: string;
  privateKey: KeyObject;
  jwk: JWK;
}

async function makeKey(kid: string): Promise<Key> {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: "EdDSA", use: "sig" } };
}

const key = await makeKey("k1");
const foreignKey = await makeKey("k1");

interface TokenInit {
  header?: Partial<JWTHeaderParameters>;
  claims?: Record<string, unknown>;
  /** In seconds since the epoch. */
  issuedAt?: number;
  lifetime?: number;
  key?: Key;
}

const nowSeconds = () => Math.floor(Date.now() / 1000);

function claimsOf({ claims, issuedAt = nowSeconds(), lifetime = 600 }: TokenInit) {
  return {
    iss: issuer,
    aud: "parley",
    sub: userId,
    sid: sessionId,
    iat: issuedAt,
    exp: issuedAt + lifetime,
    ...claims,
  };
}

function sign(init: TokenInit = {}): Promise<string> {
  const signer = init.key ?? key;
  return new SignJWT(claimsOf(init))
    .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid: signer.kid, ...init.header })
    .sign(signer.privateKey);
}

/** What SignJWT refuses to make. */
function signWithCritical({ header }: TokenInit): string {
  const parts = [{ alg: "EdDSA", typ: "at+jwt", kid: key.kid, ...header }, claimsOf({})];
  const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${text}.${signBytes(null, Buffer.from(text), key.privateKey).toString("base64url")}`;
}

/** Auth as its clients see it: keys to publish, sessions that ended, and whether it can be reached. */
function startVerifier() {
  const logger = pino({ enabled: false });
  const rpc = createLocalRpc({ logger, graceMs: 50 });
  const time = { ahead: 0 };
  const verifier = createTokenVerifier({ rpc, issuer, logger, clock: () => Date.now() + time.ahead });
  const auth = { keys: [key.jwk], asked: 0, past: [] as string[], ended: createAsyncQueue<string>(100) };
  let served: ServedService | undefined;

  async function* watchRevocations() {
    yield { revocations: auth.past.map((id) => ({ sessionId: id })) };
    yield { synced: true };
    for await (const id of auth.ended) yield { revocations: [{ sessionId: id }] };
  }
  function start(): void {
    auth.ended = createAsyncQueue(100);
    served = rpc.serve(AuthInternalService, {
      getKeySet: async () => {
        auth.asked++;
        return { jwksJson: JSON.stringify({ keys: auth.keys }) };
      },
      watchRevocations,
      findUsers: () => {
        throw new UnavailableError();
      },
      checkServerKey: () => {
        throw new UnavailableError();
      },
    });
  }
  async function stop(): Promise<void> {
    await served?.close();
  }
  start();

  const controller = new AbortController();
  const running = verifier.run(controller.signal);
  stops.push(async () => {
    controller.abort();
    await Promise.all([running, rpc.close()]);
  });
  return { verifier, auth, time, start, stop };
}

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
});

/** The reason for which the token is refused. */
async function refusal(verifier: { verify(token: string): Promise<unknown> }, token: string) {
  return verifier.verify(token).then(() => "accepted", reasonOf);
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

describe("keys", () => {
  test("an unknown key is asked for, and not more often than seldom", async () => {
    const { verifier, auth, time } = startVerifier();
    const next = await makeKey("k2");
    await verifier.verify(await sign());
    expect(auth.asked).toBe(1);
    auth.keys = [key.jwk, next.jwk];
    const token = await sign({ key: next });
    expect(await refusal(verifier, token)).toBe("UNAUTHENTICATED");
    expect(auth.asked).toBe(1);

    time.ahead = 5_000;
    const tokens = await Promise.all(
      ["s", "t", "u"].map(() => sign({ key: next, claims: { sid: newId() } })),
    );
    expect(await Promise.all(tokens.map((each) => refusal(verifier, each)))).toEqual(
      Array(3).fill("accepted"),
    );
    expect(auth.asked).toBe(2);
  });

  test("without any keys and without Auth nobody can tell", async () => {
    const { verifier, stop, start, time } = startVerifier();
    await stop();
    const token = await sign();
    expect(await refusal(verifier, token)).toBe("UNAVAILABLE");
    start();
    time.ahead = 250;
    expect(await refusal(verifier, token)).toBe("accepted");
  });

  test("while Auth is away, tokens of known keys go on being accepted", async () => {
    const { verifier, stop } = startVerifier();
    await verifier.verify(await sign());
    await stop();
    expect(await refusal(verifier, await sign({ claims: { sid: newId() } }))).toBe("accepted");
    expect(await refusal(verifier, await sign({ key: await makeKey("k2") }))).toBe("UNAUTHENTICATED");
  });
});

describe("revocations", () => {
  test("a session that ends is refused at once, and its connections hear of it once", async () => {
    const { verifier, auth } = startVerifier();
    const heard: string[] = [];
    const stopListening = verifier.onRevoked((id) => heard.push(id));
    const token = await sign();
    await verifier.verify(token);

    auth.ended.push(sessionId);
    auth.ended.push(sessionId);
    await expect.poll(() => verifier.isRevoked(sessionId)).toBe(true);

    expect(verifier.cached(token)).toBeUndefined();
    expect(await refusal(verifier, token)).toBe("SESSION_REVOKED");
    expect(await refusal(verifier, await sign({ lifetime: 500 }))).toBe("SESSION_REVOKED");
    const other = newId();
    auth.ended.push(other);
    await expect.poll(() => heard).toEqual([sessionId, other]);
    stopListening();
  });

  test("a session that ended while Auth was away is refused when it is back", async () => {
    const { verifier, auth, stop, start } = startVerifier();
    const token = await sign();
    await verifier.verify(token);
    await stop();
    expect(verifier.cached(token)).toBeDefined();
    auth.past = [sessionId];
    start();
    await expect.poll(() => verifier.isRevoked(sessionId), { timeout: 3_000 }).toBe(true);
  });

  test("an ended session is forgotten when its last token must have expired", async () => {
    const { verifier, auth, time } = startVerifier();
    auth.ended.push(sessionId);
    await expect.poll(() => verifier.isRevoked(sessionId)).toBe(true);
    time.ahead = accessTokenLifetimeMs + 61_000;
    auth.ended.push(newId());
    await expect.poll(() => verifier.isRevoked(sessionId)).toBe(false);
  });
});
