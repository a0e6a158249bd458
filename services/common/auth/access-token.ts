import { type CryptoKey, errors, jwtVerify } from "jose";
import type { Caller } from "../auth.ts";
import { DomainError, TokenExpiredError, UnauthenticatedError } from "../errors.ts";
import { isId } from "../ids.ts";

export interface AccessTokenRules {
  issuer: string;
  clock: () => number;
  findKey(kid: string): Promise<CryptoKey | undefined>;
}

/** Whom the tokens are for. */
const audience = "parley";
/** Longer than any token of ours, by far. */
const maxLength = 4096;
/** By how much Auth's clock may be ahead, in seconds. */
const clockSkewSeconds = 60;

const invalid = "the access token is not valid";

/**
 * Reads an access token (RFC 9068) whose signature, type, issuer, audience and times are right. Throws
 * UnauthenticatedError, or TokenExpiredError if nothing but its time is wrong, or what `findKey` throws.
 */
export async function readAccessToken(token: string, rules: AccessTokenRules): Promise<Caller> {
  if (token.length > maxLength) throw new UnauthenticatedError(invalid);
  const now = new Date(rules.clock());
  const getKey = async ({ kid }: { kid?: string | undefined }) => {
    const key = kid === undefined ? undefined : await rules.findKey(kid);
    if (key === undefined) throw new UnauthenticatedError(invalid);
    return key;
  };
  try {
    const { payload } = await jwtVerify<{ sid?: unknown }>(token, getKey, {
      algorithms: ["EdDSA"],
      typ: "at+jwt",
      issuer: rules.issuer,
      audience,
      requiredClaims: ["sub", "sid", "iat", "exp"],
      currentDate: now,
    });
    const { sub, sid, iat = Number.NaN, exp = Number.NaN } = payload;
    const issued = iat <= now.getTime() / 1000 + clockSkewSeconds;
    if (!issued || typeof sub !== "string" || typeof sid !== "string" || !isId(sub) || !isId(sid)) {
      throw new UnauthenticatedError(invalid);
    }
    return Object.freeze({ userId: sub, sessionId: sid, expiresAt: exp * 1000, token });
  } catch (error) {
    if (error instanceof DomainError) throw error;
    if (error instanceof errors.JWTExpired) throw new TokenExpiredError();
    throw new UnauthenticatedError(invalid, error);
  }
}
