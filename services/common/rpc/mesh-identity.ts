import { createSecretKey } from "node:crypto";
import { jwtVerify, SignJWT } from "jose";
import { UnauthenticatedError } from "../errors.ts";
import type { GrpcIdentity } from "./grpc-channel.ts";

/** Carries the token of a process, beside the one of the person it acts for. */
export const meshTokenHeader = "parley-mesh-token";

/** HS256 takes keys of its hash's size and more (RFC 7518, 3.2). */
export const minMeshSecretLength = 32;

const algorithm = "HS256";
const audience = "parley-mesh";
const lifetimeMs = 60_000;
/** Of its life, when a new one is made; what is left is for the way and for clocks that differ. */
const renewAfterMs = 20_000;
const clockToleranceSeconds = 30;
/** Processes of a mesh, three tokens a minute each. */
const maxKnown = 10_000;

/** Proves by short-lived tokens that this process knows the mesh's secret. */
export function createMeshIdentity(
  secret: string,
  { clock = Date.now }: { clock?: () => number } = {},
): GrpcIdentity {
  const key = createSecretKey(secret, "utf8");
  let current: { madeAt: number; header: Promise<readonly [string, string]> } | undefined;

  async function make(now: number): Promise<readonly [string, string]> {
    const token = await new SignJWT()
      .setProtectedHeader({ alg: algorithm, typ: "JWT" })
      .setAudience(audience)
      .setIssuedAt(Math.floor(now / 1000))
      .setExpirationTime(Math.floor((now + lifetimeMs) / 1000))
      .sign(key);
    return [meshTokenHeader, token];
  }

  return {
    header() {
      const now = clock();
      if (current === undefined || now - current.madeAt >= renewAfterMs || now < current.madeAt)
        current = { madeAt: now, header: make(now) };
      return current.header;
    },
  };
}

/** Where the connection is the proof, by its certificate. */
export const certificateIdentity: GrpcIdentity = { header: async () => undefined };

/** Lets in who proves to be of the mesh. Throws UnauthenticatedError. */
export type CheckMeshIdentity = (token: string | undefined) => Promise<void>;

/** A token is verified once, and known until it expires. */
export function createMeshIdentityCheck(
  secret: string,
  { clock = Date.now }: { clock?: () => number } = {},
): CheckMeshIdentity {
  const key = createSecretKey(secret, "utf8");
  const known = new Map<string, number>();

  return async (token) => {
    const now = clock();
    if (token !== undefined && (known.get(token) ?? 0) > now) return;
    if (token === undefined) throw new UnauthenticatedError("only processes of this mesh are answered here");
    const until = await expiryOf(token, key, now);
    if (known.size >= maxKnown) known.clear();
    known.set(token, until);
  };
}

async function expiryOf(
  token: string,
  key: ReturnType<typeof createSecretKey>,
  now: number,
): Promise<number> {
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: [algorithm],
      audience,
      requiredClaims: ["exp", "iat"],
      maxTokenAge: lifetimeMs / 1000,
      clockTolerance: clockToleranceSeconds,
      currentDate: new Date(now),
    });
    return (payload.exp as number) * 1000;
  } catch (cause) {
    const message = "this process has another mesh secret, or its clock differs by more than half a minute";
    throw new UnauthenticatedError(message, cause);
  }
}
