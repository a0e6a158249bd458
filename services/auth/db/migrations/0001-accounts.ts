import { type Kysely, sql } from "kysely";

/** People, their passwords, what they are found by, their sessions, and the keys that sign access tokens. */
export const accounts = {
  async up(db: Kysely<unknown>): Promise<void> {
    await createUsers(db);
    await createSessions(db);
    await createSigningKeys(db);
  },
};

async function createUsers(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("user")
    .addColumn("user_id", "blob", (column) => column.primaryKey())
    .addColumn("username", "text", (column) => column.notNull().unique())
    .addColumn("display_name", "text", (column) => column.notNull())
    .addColumn("external_id", "text")
    .addColumn("created_at", "integer", (column) => column.notNull())
    .addColumn("deleted_at", "integer")
    .modifyEnd(sql`without rowid`)
    .execute();
  await db.schema
    .createIndex("user_by_external_id")
    .unique()
    .on("user")
    .column("external_id")
    .where("external_id" as never, "is not", null)
    .execute();
  await db.schema
    .createTable("credential")
    .addColumn("user_id", "blob", (column) => column.primaryKey().references("user.user_id"))
    .addColumn("password_hash", "text", (column) => column.notNull())
    .addColumn("revision", "integer", (column) => column.notNull())
    .modifyEnd(sql`without rowid`)
    .execute();
  // The username is repeated here so that a search is answered, in its order, from this table alone.
  await db.schema
    .createTable("user_search")
    .addColumn("clipped_to", "integer", (column) => column.notNull())
    .addColumn("term", "text", (column) => column.notNull())
    .addColumn("username", "text", (column) => column.notNull().references("user.username"))
    .addPrimaryKeyConstraint("user_search_key", ["clipped_to", "term", "username"])
    .modifyEnd(sql`without rowid`)
    .execute();
  await db.schema.createIndex("user_search_by_username").on("user_search").column("username").execute();
}

async function createSessions(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("session")
    .addColumn("session_id", "blob", (column) => column.primaryKey())
    .addColumn("user_id", "blob", (column) => column.notNull().references("user.user_id"))
    .addColumn("device_name", "text", (column) => column.notNull())
    .addColumn("created_at", "integer", (column) => column.notNull())
    .addColumn("last_used_at", "integer", (column) => column.notNull())
    .addColumn("expires_at", "integer", (column) => column.notNull())
    .addColumn("ended_at", "integer")
    .addColumn("ended_reason", "text")
    .addColumn("current_token_hash", "blob", (column) => column.notNull())
    .addColumn("previous_token_hash", "blob")
    .addColumn("successor_salt", "blob")
    .addColumn("rotated_at", "integer")
    .modifyEnd(sql`without rowid`)
    .execute();
  await db.schema
    .createIndex("session_by_user")
    .on("session")
    .columns(["user_id", "created_at", "session_id"])
    .where("ended_at" as never, "is", null)
    .execute();
  await db.schema
    .createIndex("session_by_end")
    .on("session")
    .column("ended_at")
    .where("ended_at" as never, "is not", null)
    .execute();
  await db.schema.createIndex("session_by_expiry").on("session").column("expires_at").execute();
}

async function createSigningKeys(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("signing_key")
    .addColumn("kid", "text", (column) => column.primaryKey())
    .addColumn("encrypted_private_key", "blob", (column) => column.notNull())
    .addColumn("public_jwk", "text", (column) => column.notNull())
    .addColumn("created_at", "integer", (column) => column.notNull())
    .addColumn("activates_at", "integer", (column) => column.notNull())
    .addColumn("retires_at", "integer")
    .modifyEnd(sql`without rowid`)
    .execute();
}
