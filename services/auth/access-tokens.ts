import { SignJWT } from "jose";
import type { SigningKey } from "./signing-keys.ts";

/** Makes access tokens: Ed25519 JWTs (RFC 9068) that say whose they are and of which session. */
export interface AccessTokens {
  issue(subject: { userId: string; sessionId: string }): Promise<AccessToken>;
}

export interface AccessToken {
  readonly text: string;
  /** In ms since the epoch; a whole second. */
  readonly expiresAt: number;
}

export interface AccessTokensDeps {
  keys: { current(): SigningKey };
  issuer: string;
  lifetimeMs: number;
  clock: () => number;
}

/** Who the tokens are for. */
const audience = "parley";

export function createAccessTokens({ keys, issuer, lifetimeMs, clock }: AccessTokensDeps): AccessTokens {
  return {
    async issue({ userId, sessionId }) {
      const key = keys.current();
      const issuedAt = Math.floor(clock() / 1000);
      const expiresAt = issuedAt + Math.floor(lifetimeMs / 1000);
      const text = await new SignJWT({ sid: sessionId })
        .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid: key.kid })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(userId)
        .setIssuedAt(issuedAt)
        .setExpirationTime(expiresAt)
        .sign(key.privateKey);
      return { text, expiresAt: expiresAt * 1000 };
    },
  };
}
