import type { Kysely } from "kysely";
import type { AuthTables, NewSessionRow, SessionEndReason, SessionRow } from "./tables.ts";

type Db = Kysely<AuthTables>;

/** A session that ended, for those who must refuse it from then on. */
export interface SessionEnd {
  session_id: Uint8Array;
  ended_at: number;
}

export async function insertSession(db: Db, session: NewSessionRow): Promise<void> {
  await db.insertInto("session").values(session).execute();
}

export async function findSession(db: Db, sessionId: Uint8Array): Promise<SessionRow | undefined> {
  return db.selectFrom("session").selectAll().where("session_id", "=", sessionId).executeTakeFirst();
}

/** The same, held until the transaction ends. */
export async function lockSession(db: Db, sessionId: Uint8Array): Promise<SessionRow | undefined> {
  await db
    .updateTable("session")
    .set((eb) => ({ created_at: eb.ref("created_at") }))
    .where("session_id", "=", sessionId)
    .execute();
  return findSession(db, sessionId);
}

/** Up to `limit` sessions of the user that neither ended nor expired, oldest first, after the one named. */
export async function listLiveSessions(
  db: Db,
  list: {
    userId: Uint8Array;
    now: number;
    after?: { createdAt: number; sessionId: Uint8Array } | undefined;
    limit: number;
  },
): Promise<SessionRow[]> {
  let query = db
    .selectFrom("session")
    .selectAll()
    .where("user_id", "=", list.userId)
    .where("ended_at", "is", null)
    .where("expires_at", ">", list.now)
    .orderBy("created_at")
    .orderBy("session_id")
    .limit(list.limit);
  const { after } = list;
  if (after) {
    query = query.where((where) =>
      where.or([
        where("created_at", ">", after.createdAt),
        where.and([where("created_at", "=", after.createdAt), where("session_id", ">", after.sessionId)]),
      ]),
    );
  }
  return query.execute();
}

/** The ids of all the user's sessions that neither ended nor expired, oldest first. */
export async function listLiveSessionIds(db: Db, userId: Uint8Array, now: number): Promise<Uint8Array[]> {
  const rows = await db
    .selectFrom("session")
    .select("session_id")
    .where("user_id", "=", userId)
    .where("ended_at", "is", null)
    .where("expires_at", ">", now)
    .orderBy("created_at")
    .orderBy("session_id")
    .execute();
  return rows.map((row) => row.session_id);
}

/** Puts a session's next refresh token in the place of the current one. */
export async function rotateSession(
  db: Db,
  rotation: {
    sessionId: Uint8Array;
    previousTokenHash: Uint8Array;
    currentTokenHash: Uint8Array;
    successorSalt: Uint8Array;
    at: number;
    expiresAt: number;
  },
): Promise<void> {
  await db
    .updateTable("session")
    .set({
      previous_token_hash: rotation.previousTokenHash,
      current_token_hash: rotation.currentTokenHash,
      successor_salt: rotation.successorSalt,
      rotated_at: rotation.at,
      last_used_at: rotation.at,
      expires_at: rotation.expiresAt,
    })
    .where("session_id", "=", rotation.sessionId)
    .execute();
}

/** Ends those of the sessions that had not ended yet. */
export async function endSessions(
  db: Db,
  sessionIds: readonly Uint8Array[],
  end: { at: number; reason: SessionEndReason },
): Promise<void> {
  if (sessionIds.length === 0) return;
  await db
    .updateTable("session")
    .set({ ended_at: end.at, ended_reason: end.reason })
    .where("session_id", "in", sessionIds)
    .where("ended_at", "is", null)
    .execute();
}

/** Every session that ended at `since` or later. */
export async function listSessionEnds(db: Db, since: number): Promise<SessionEnd[]> {
  const rows = await db
    .selectFrom("session")
    .select(["session_id", "ended_at"])
    .where("ended_at", ">=", since)
    .orderBy("ended_at")
    .execute();
  return rows.map((row) => ({ session_id: row.session_id, ended_at: row.ended_at ?? since }));
}

/**
 * Deletes up to `limit` sessions whose refresh tokens are all dead and that no verifier needs to hear of.
 * Answers how many.
 */
export async function deleteDeadSessions(
  db: Db,
  dead: { expiredBefore: number; endedBefore: number; limit: number },
): Promise<number> {
  const rows = await db
    .selectFrom("session")
    .select("session_id")
    .where("expires_at", "<", dead.expiredBefore)
    .where((where) => where.or([where("ended_at", "is", null), where("ended_at", "<", dead.endedBefore)]))
    .limit(dead.limit)
    .execute();
  if (rows.length === 0) return 0;
  await db
    .deleteFrom("session")
    .where(
      "session_id",
      "in",
      rows.map((row) => row.session_id),
    )
    .execute();
  return rows.length;
}
