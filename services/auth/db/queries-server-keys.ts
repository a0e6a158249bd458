import type { Kysely } from "kysely";
import type { AuthTables, ServerKeyRow } from "./tables.ts";

type Db = Kysely<AuthTables>;

export async function insertServerKey(db: Db, key: ServerKeyRow): Promise<void> {
  await db.insertInto("server_key").values(key).execute();
}

export async function findServerKeyByHash(db: Db, hash: Uint8Array): Promise<ServerKeyRow | undefined> {
  return db.selectFrom("server_key").selectAll().where("key_hash", "=", hash).executeTakeFirst();
}

export async function findServerKey(db: Db, keyId: Uint8Array): Promise<ServerKeyRow | undefined> {
  return db.selectFrom("server_key").selectAll().where("key_id", "=", keyId).executeTakeFirst();
}

/** Oldest first, those that are revoked included. */
export async function listServerKeys(db: Db): Promise<ServerKeyRow[]> {
  return db.selectFrom("server_key").selectAll().orderBy("created_at").orderBy("key_id").execute();
}

export async function revokeServerKey(db: Db, keyId: Uint8Array, at: number): Promise<void> {
  await db
    .updateTable("server_key")
    .set({ revoked_at: at })
    .where("key_id", "=", keyId)
    .where("revoked_at", "is", null)
    .execute();
}

export async function touchServerKey(db: Db, keyId: Uint8Array, at: number): Promise<void> {
  await db.updateTable("server_key").set({ last_used_at: at }).where("key_id", "=", keyId).execute();
}
