import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { exportJWK, type JWK, type JWTHeaderParameters, SignJWT } from "jose";
import { pino } from "pino";
import { onTestFinished } from "vitest";
import { AuthInternalService } from "#gen/parley/internal/v1/auth_internal_service_pb.js";
import { createAsyncQueue } from "./async-queue.ts";
import { createTokenVerifier } from "./auth.ts";
import { reasonOf, UnavailableError } from "./errors.ts";
import { newId } from "./ids.ts";
import { createLocalRpc } from "./rpc/local.ts";
import type { ServedService } from "./rpc/rpc.ts";

/** For tests: access tokens, good and bad, and a verifier of them that asks an Auth which can go away. */

const issuer = "http://parley.test";
export const userId = newId();
export const sessionId = newId();

interface Key {
  kid: string;
  privateKey: KeyObject;
  jwk: JWK;
}

export async function makeKey(kid: string): Promise<Key> {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: "EdDSA", use: "sig" } };
}

export const key = await makeKey("k1");
/** Of the same id. */
export const foreignKey = await makeKey("k1");

export interface TokenInit {
  header?: Partial<JWTHeaderParameters>;
  claims?: Record<string, unknown>;
  /** In seconds since the epoch. */
  issuedAt?: number;
  lifetime?: number;
  key?: Key;
}

export const nowSeconds = () => Math.floor(Date.now() / 1000);

export function claimsOf({ claims, issuedAt = nowSeconds(), lifetime = 600 }: TokenInit) {
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

export function sign(init: TokenInit = {}): Promise<string> {
  const signer = init.key ?? key;
  return new SignJWT(claimsOf(init))
    .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid: signer.kid, ...init.header })
    .sign(signer.privateKey);
}

/** Auth as its clients see it: keys to publish, sessions that ended, and whether it can be reached. */
export function startVerifier() {
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
  onTestFinished(async () => {
    controller.abort();
    await Promise.all([running, rpc.close()]);
  });
  return { verifier, auth, time, start, stop };
}

/** The reason for which the token is refused. */
export async function refusal(verifier: { verify(token: string): Promise<unknown> }, token: string) {
  return verifier.verify(token).then(() => "accepted", reasonOf);
}
