import type { Transaction } from "kysely";
import { SessionRevokedError, TokenExpiredError } from "../common/errors.ts";
import { bytesToId, idToBytes } from "../common/ids.ts";
import { lockSession, rotateSession } from "./db/queries-sessions.ts";
import type { AuthTables, SessionRow } from "./db/tables.ts";
import { RefreshTokenReusedError } from "./errors.ts";
import { hasHash, newSuccessorSalt, type RefreshToken, type RefreshTokens } from "./refresh-tokens.ts";

/** The next refresh token of a session. */
export interface Refreshed {
  readonly token: RefreshToken;
  readonly userId: string;
  readonly expiresAt: number;
}

export interface RefreshRules {
  readonly refreshTokens: RefreshTokens;
  /** How long a refresh token lives unless it is used, in ms. */
  readonly idleLifetimeMs: number;
  /** How long the previous refresh token answers its unused successor, in ms. */
  readonly graceMs: number;
  readonly now: number;
}

/**
 * What a genuine refresh token gets. The current one is replaced. The previous one, for a while and as long as its
 * successor was never presented (it would be the previous one then), answers that same successor. Any other is a reuse:
 * the answer is RefreshTokenReusedError, and the caller must end the session in the same transaction.
 */
export async function presentToken(
  tx: Transaction<AuthTables>,
  token: RefreshToken,
  rules: RefreshRules,
): Promise<Refreshed | RefreshTokenReusedError | SessionRevokedError | TokenExpiredError> {
  const { now, graceMs } = rules;
  const session = await lockSession(tx, idToBytes(token.sessionId));
  // Sessions are kept until all their tokens are dead, so one that is gone has expired.
  if (session === undefined) return new TokenExpiredError("the refresh token has expired");
  if (session.ended_at !== null) return new SessionRevokedError();
  if (session.expires_at <= now) return new TokenExpiredError("the refresh token has expired");
  if (hasHash(token, session.current_token_hash)) return rotate(tx, session, token, rules);
  const isPrevious = hasHash(token, session.previous_token_hash);
  if (isPrevious && now - (session.rotated_at ?? 0) <= graceMs) return answerAgain(session, token, rules);
  return new RefreshTokenReusedError();
}

async function rotate(
  tx: Transaction<AuthTables>,
  session: SessionRow,
  token: RefreshToken,
  { refreshTokens, idleLifetimeMs, now }: RefreshRules,
): Promise<Refreshed> {
  const salt = newSuccessorSalt();
  const successor = refreshTokens.successor(token, salt);
  const expiresAt = now + idleLifetimeMs;
  await rotateSession(tx, {
    sessionId: session.session_id,
    previousTokenHash: token.hash,
    currentTokenHash: successor.hash,
    successorSalt: salt,
    at: now,
    expiresAt,
  });
  return { token: successor, userId: bytesToId(session.user_id), expiresAt };
}

/** The successor lives no longer for being asked again. */
function answerAgain(session: SessionRow, token: RefreshToken, { refreshTokens }: RefreshRules): Refreshed {
  if (session.successor_salt === null) throw new Error("a session with a previous token lacks its salt");
  return {
    token: refreshTokens.successor(token, session.successor_salt),
    userId: bytesToId(session.user_id),
    expiresAt: session.expires_at,
  };
}
