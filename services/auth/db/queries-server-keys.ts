import type { Kysely } from "kysely";
import type { AuthTables, ServerKeyRow } from "./tables.ts";

type Db = Kysely<AuthTables>;

export async function insertServerKey(db: Db, key: ServerKeyRow): Promise<void> {
  await db.insertInto("server_key").values(key).execute();
}

export async function findServerKey(db: Db, keyHash: Uint8Array): Promise<ServerKeyRow | undefined> {
  return db.selectFrom("server_key").selectAll().where("key_hash", "=", keyHash).executeTakeFirst();
}

/** All that ever were, oldest first. */
export async function listServerKeys(db: Db): Promise<ServerKeyRow[]> {
  return db.selectFrom("server_key").selectAll().orderBy("created_at").orderBy("key_id").execute();
}

/** Answers whether there is such a key; one that was revoked before keeps its time. */
export async function revokeServerKey(db: Db, keyId: Uint8Array, at: number): Promise<boolean> {
  const key = await db
    .selectFrom("server_key")
    .select("key_id")
    .where("key_id", "=", keyId)
    .executeTakeFirst();
  await db
    .updateTable("server_key")
    .set({ revoked_at: at })
    .where("key_id", "=", keyId)
    .where("revoked_at", "is", null)
    .execute();
  return key !== undefined;
}

export async function noteServerKeyUse(db: Db, keyId: Uint8Array, at: number): Promise<void> {
  await db.updateTable("server_key").set({ last_used_at: at }).where("key_id", "=", keyId).execute();
}
