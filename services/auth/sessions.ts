import type { Kysely, Transaction } from "kysely";
import { transact } from "../common/database/transact.ts";
import { UnauthenticatedError } from "../common/errors.ts";
import { bytesToId, idToBytes, isId, newId } from "../common/ids.ts";
import type { AccessTokens } from "./access-tokens.ts";
import {
  endSessions,
  insertSession,
  listLiveSessionIds,
  listLiveSessions,
  lockSession,
  type SessionEnd,
} from "./db/queries-sessions.ts";
import type { AuthTables, SessionEndReason, SessionRow } from "./db/tables.ts";
import { RefreshTokenReusedError, SessionNotFoundError } from "./errors.ts";
import type { SessionCursor } from "./page-tokens.ts";
import { presentToken } from "./refresh.ts";
import type { RefreshToken, RefreshTokens } from "./refresh-tokens.ts";
import type { Revocations } from "./revocations.ts";
import type { SignInLimits } from "./sign-in-limits.ts";

/**
 * Sessions and their chains of refresh tokens. Whatever reads a session in order to change it does so in one
 * transaction, which first locks the session's row: of two refreshes with the same token one rotates and the other finds
 * it rotated. Sessions are begun, and those of others ended, under the lock of the user's row. Ends are announced after
 * their commit, never before.
 */
export interface Sessions {
  /** Adds a session, in the transaction of the sign-in, which has locked or made the user; ends the oldest ones above the limit. */
  begin(tx: Transaction<AuthTables>, user: { userId: string; deviceName: string }): Promise<BegunSession>;
  /** The tokens of a session that was begun, once that is committed. */
  admit(begun: BegunSession): Promise<Tokens>;
  /** Throws RateLimitedError and what Refresh refuses a token with. */
  refresh(token: string, address: string | undefined): Promise<Tokens>;
  /** Ends all the user's sessions but one, in the transaction that is the cause and has locked the user; pass the answer to `announce`. */
  endOthers(tx: Transaction<AuthTables>, keep: SessionOwner): Promise<SessionEnd[]>;
  announce(ends: readonly SessionEnd[]): void;
  /** Ends the session that asks. */
  logout(session: SessionOwner): Promise<void>;
  /** Ends one of the user's own sessions. SessionNotFoundError if it is none. */
  revoke(session: SessionOwner): Promise<void>;
  /** A page of the user's live sessions, oldest first; and whether there are more. */
  list(userId: string, page: { after: SessionCursor | undefined; size: number }): Promise<SessionPage>;
}

export interface SessionOwner {
  readonly userId: string;
  readonly sessionId: string;
}

export interface BegunSession extends SessionOwner {
  readonly refreshToken: RefreshToken;
  readonly expiresAt: number;
  readonly ends: readonly SessionEnd[];
}

export interface Tokens {
  readonly accessToken: string;
  readonly accessTokenExpiresAt: number;
  readonly refreshToken: string;
  readonly refreshTokenExpiresAt: number;
}

export interface SessionPage {
  readonly sessions: readonly SessionRow[];
  readonly hasMore: boolean;
}

export interface SessionsDeps {
  db: Kysely<AuthTables>;
  accessTokens: AccessTokens;
  refreshTokens: RefreshTokens;
  revocations: Pick<Revocations, "announce">;
  limits: Pick<SignInLimits, "takeRefresh" | "takeSessionRefresh">;
  clock: () => number;
  /** How long a refresh token lives unless it is used, in ms. */
  idleLifetimeMs: number;
  /** How long the previous refresh token answers its unused successor, in ms. */
  graceMs: number;
  /** How many live sessions a user may have. */
  maxSessions: number;
}

export function createSessions(deps: SessionsDeps): Sessions {
  const { db, accessTokens, refreshTokens, revocations, limits, clock, idleLifetimeMs, graceMs } = deps;

  async function end(
    tx: Transaction<AuthTables>,
    sessionIds: readonly Uint8Array[],
    reason: SessionEndReason,
  ): Promise<SessionEnd[]> {
    const at = clock();
    await endSessions(tx, sessionIds, { at, reason });
    return sessionIds.map((sessionId) => ({ session_id: sessionId, ended_at: at }));
  }

  async function grant(session: SessionOwner, token: RefreshToken, expiresAt: number): Promise<Tokens> {
    const accessToken = await accessTokens.issue(session);
    return {
      accessToken: accessToken.text,
      accessTokenExpiresAt: accessToken.expiresAt,
      refreshToken: token.text,
      refreshTokenExpiresAt: expiresAt,
    };
  }

  /** Ends a session, or leaves it ended, if it is the user's. */
  async function endOwn(owner: SessionOwner, reason: SessionEndReason): Promise<"ended" | "unknown"> {
    if (!isId(owner.sessionId)) return "unknown";
    const sessionId = idToBytes(owner.sessionId);
    const ends = await transact(db, async (tx) => {
      const session = await lockSession(tx, sessionId);
      if (session === undefined || bytesToId(session.user_id) !== owner.userId) return undefined;
      return session.ended_at === null ? end(tx, [sessionId], reason) : [];
    });
    if (ends === undefined) return "unknown";
    revocations.announce(ends);
    return "ended";
  }

  return {
    async begin(tx, { userId, deviceName }) {
      const now = clock();
      const sessionId = newId();
      const refreshToken = refreshTokens.first(sessionId);
      const expiresAt = now + idleLifetimeMs;
      const live = await listLiveSessionIds(tx, idToBytes(userId), now);
      const surplus = live.slice(0, Math.max(0, live.length + 1 - deps.maxSessions));
      const ends = await end(tx, surplus, "TOO_MANY_SESSIONS");
      await insertSession(tx, {
        session_id: idToBytes(sessionId),
        user_id: idToBytes(userId),
        device_name: deviceName,
        created_at: now,
        last_used_at: now,
        expires_at: expiresAt,
        current_token_hash: refreshToken.hash,
      });
      return { userId, sessionId, refreshToken, expiresAt, ends };
    },

    admit(begun) {
      revocations.announce(begun.ends);
      return grant(begun, begun.refreshToken, begun.expiresAt);
    },

    async refresh(text, address) {
      limits.takeRefresh(address);
      const token = refreshTokens.parse(text);
      if (token === undefined) throw new UnauthenticatedError("the refresh token is unknown");
      limits.takeSessionRefresh(token.sessionId);
      const { outcome, ends } = await transact(db, async (tx) => {
        const outcome = await presentToken(tx, token, {
          refreshTokens,
          idleLifetimeMs,
          graceMs,
          now: clock(),
        });
        const ended = outcome instanceof RefreshTokenReusedError ? [idToBytes(token.sessionId)] : [];
        return { outcome, ends: await end(tx, ended, "REFRESH_TOKEN_REUSED") };
      });
      revocations.announce(ends);
      // Thrown only now: an error within the transaction would undo the session's end.
      if (outcome instanceof Error) throw outcome;
      return grant({ userId: outcome.userId, sessionId: token.sessionId }, outcome.token, outcome.expiresAt);
    },

    async endOthers(tx, keep) {
      const userId = idToBytes(keep.userId);
      const live = await listLiveSessionIds(tx, userId, clock());
      const others = live.filter((sessionId) => bytesToId(sessionId) !== keep.sessionId);
      return end(tx, others, "PASSWORD_CHANGED");
    },

    announce: (ends) => revocations.announce(ends),

    async logout(session) {
      await endOwn(session, "LOGGED_OUT");
    },

    async revoke(session) {
      if ((await endOwn(session, "REVOKED")) === "unknown") throw new SessionNotFoundError();
    },

    async list(userId, { after, size }) {
      const now = clock();
      const sessions = await listLiveSessions(db, { userId: idToBytes(userId), now, after, limit: size + 1 });
      return { sessions: sessions.slice(0, size), hasMore: sessions.length > size };
    },
  };
}
