import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { bytesToId, idToBytes } from "../common/ids.ts";

/**
 * Refresh tokens: `prt_` and 64 bytes in base64url, which are the session's id (16), a secret (32) and a tag (16).
 *
 * - The first secret of a session is random. Each further one is derived from the secret before it, a random salt kept
 *   with the session, and a key that is not in the database. So the database holds hashes only, and whoever still has
 *   the previous token can be answered the same successor once more.
 * - The tag proves that a token was made here, however long ago. A token that is genuine but neither the current nor
 *   the previous one of its session is a reuse; one that isn't genuine is unknown and ends nobody's session, even if
 *   it names it.
 */
export interface RefreshTokens {
  /** The first token of a session. */
  first(sessionId: string): RefreshToken;
  /** The one that replaces the token; the same for the same salt. */
  successor(token: RefreshToken, salt: Uint8Array): RefreshToken;
  /** The token as it was presented; undefined unless it was made here. */
  parse(text: string): RefreshToken | undefined;
}

export interface RefreshToken {
  readonly sessionId: string;
  readonly secret: Uint8Array;
  /** What the client gets. */
  readonly text: string;
  /** SHA-256 of the secret: what the database gets. */
  readonly hash: Uint8Array;
}

const prefix = "prt_";
const idLength = 16;
const secretLength = 32;
const tagLength = 16;

export function createRefreshTokens(key: Uint8Array): RefreshTokens {
  const mac = (purpose: string, ...parts: Uint8Array[]) => {
    const hmac = createHmac("sha256", key).update(purpose);
    for (const part of parts) hmac.update(part);
    return hmac.digest();
  };

  function make(id: Uint8Array, secret: Uint8Array): RefreshToken {
    const tag = mac("tag", id, secret).subarray(0, tagLength);
    return {
      sessionId: bytesToId(id),
      secret,
      text: prefix + Buffer.concat([id, secret, tag]).toString("base64url"),
      hash: createHash("sha256").update(secret).digest(),
    };
  }

  return {
    first: (sessionId) => make(idToBytes(sessionId), randomBytes(secretLength)),

    successor(token, salt) {
      const id = idToBytes(token.sessionId);
      return make(id, mac("successor", id, salt, token.secret));
    },

    parse(text) {
      if (!text.startsWith(prefix)) return undefined;
      const bytes = Buffer.from(text.slice(prefix.length), "base64url");
      if (bytes.length !== idLength + secretLength + tagLength) return undefined;
      const token = make(bytes.subarray(0, idLength), bytes.subarray(idLength, idLength + secretLength));
      const given = Buffer.from(text);
      const made = Buffer.from(token.text);
      return given.length === made.length && timingSafeEqual(given, made) ? token : undefined;
    },
  };
}

/** The salt of a successor. */
export function newSuccessorSalt(): Uint8Array {
  return randomBytes(secretLength);
}

/** Whether the token is the one that was hashed. */
export function hasHash(token: RefreshToken, hash: Uint8Array | null): boolean {
  return hash !== null && timingSafeEqual(token.hash, hash);
}
