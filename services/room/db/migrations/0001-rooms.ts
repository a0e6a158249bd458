import { type Kysely, sql } from "kysely";
import { createOutboxTables } from "../../../common/database/outbox-table.ts";

/** Rooms, members, the log of their changes, invitations, and what announces the changes. */
export const rooms = {
  async up(db: Kysely<unknown>): Promise<void> {
    await createRooms(db);
    await createMembers(db);
    await createChanges(db);
    await createInvitations(db);
    await createOutboxTables(db);
  },
};

async function createRooms(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("room")
    .addColumn("room_id", "blob", (column) => column.primaryKey())
    .addColumn("kind", "integer", (column) => column.notNull())
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("topic", "text", (column) => column.notNull())
    .addColumn("creator_id", "blob", (column) => column.notNull())
    .addColumn("created_at", "integer", (column) => column.notNull())
    .addColumn("client_id", "text")
    .addColumn("content_hash", "blob")
    .addColumn("pair_key", "blob")
    .addColumn("version", "integer", (column) => column.notNull())
    .addColumn("applied_version", "integer", (column) => column.notNull())
    .addColumn("pending_since", "integer")
    .addColumn("changed_at", "integer", (column) => column.notNull())
    .addColumn("member_count", "integer", (column) => column.notNull())
    .addColumn("owner_count", "integer", (column) => column.notNull())
    .addColumn("invitation_count", "integer", (column) => column.notNull())
    .addColumn("deleted_at", "integer")
    .modifyEnd(sql`without rowid`)
    .execute();
  await db.schema
    .createIndex("room_by_client_id")
    .unique()
    .on("room")
    .columns(["creator_id", "client_id"])
    .where("client_id" as never, "is not", null)
    .execute();
  await db.schema
    .createIndex("room_by_pair")
    .unique()
    .on("room")
    .column("pair_key")
    .where("pair_key" as never, "is not", null)
    .execute();
  await db.schema
    .createIndex("room_pending")
    .on("room")
    .columns(["pending_since", "room_id"])
    .where("pending_since" as never, "is not", null)
    .execute();
}

async function createMembers(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("member")
    .addColumn("room_id", "blob", (column) => column.notNull())
    .addColumn("user_id", "blob", (column) => column.notNull())
    .addColumn("role", "integer", (column) => column.notNull())
    .addColumn("joined_at", "integer", (column) => column.notNull())
    .addColumn("ordinal", "integer", (column) => column.notNull())
    .addPrimaryKeyConstraint("member_key", ["room_id", "user_id"])
    .modifyEnd(sql`without rowid`)
    .execute();
  await db.schema
    .createIndex("member_by_ordinal")
    .unique()
    .on("member")
    .columns(["room_id", "ordinal"])
    .execute();
  await db.schema
    .createIndex("member_by_user")
    .unique()
    .on("member")
    .columns(["user_id", "room_id"])
    .execute();
  await db.schema
    .createTable("person")
    .addColumn("user_id", "blob", (column) => column.primaryKey())
    .addColumn("room_count", "integer", (column) => column.notNull())
    .modifyEnd(sql`without rowid`)
    .execute();
}

async function createChanges(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("room_change")
    .addColumn("room_id", "blob", (column) => column.notNull())
    .addColumn("version", "integer", (column) => column.notNull())
    .addColumn("change_id", "blob", (column) => column.notNull())
    .addColumn("call_version", "integer", (column) => column.notNull())
    .addColumn("actor_id", "blob", (column) => column.notNull())
    .addColumn("at", "integer", (column) => column.notNull())
    .addColumn("body", "blob", (column) => column.notNull())
    .addPrimaryKeyConstraint("room_change_key", ["room_id", "version"])
    .modifyEnd(sql`without rowid`)
    .execute();
}

async function createInvitations(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("invitation")
    .addColumn("invitation_id", "blob", (column) => column.primaryKey())
    .addColumn("room_id", "blob", (column) => column.notNull())
    .addColumn("ordinal", "integer", (column) => column.notNull())
    .addColumn("creator_id", "blob", (column) => column.notNull())
    .addColumn("created_at", "integer", (column) => column.notNull())
    .addColumn("expires_at", "integer", (column) => column.notNull())
    .addColumn("max_uses", "integer")
    .addColumn("uses", "integer", (column) => column.notNull())
    .addColumn("user_id", "blob")
    .addColumn("code_hash", "blob")
    .addColumn("client_id", "text")
    .addColumn("content_hash", "blob")
    .addColumn("ended_at", "integer")
    .modifyEnd(sql`without rowid`)
    .execute();
  await db.schema
    .createIndex("invitation_by_room")
    .unique()
    .on("invitation")
    .columns(["room_id", "ordinal"])
    .execute();
  await db.schema
    .createIndex("invitation_open")
    .on("invitation")
    .columns(["room_id", "ordinal"])
    .where("ended_at" as never, "is", null)
    .execute();
  await db.schema
    .createIndex("invitation_expiring")
    .on("invitation")
    .column("expires_at")
    .where("ended_at" as never, "is", null)
    .execute();
  await db.schema
    .createIndex("invitation_by_client_id")
    .unique()
    .on("invitation")
    .columns(["room_id", "creator_id", "client_id"])
    .where("client_id" as never, "is not", null)
    .execute();
  await db.schema
    .createTable("invitation_code")
    .addColumn("code_hash", "blob", (column) => column.primaryKey())
    .addColumn("invitation_id", "blob", (column) => column.notNull())
    .addColumn("room_id", "blob", (column) => column.notNull())
    .modifyEnd(sql`without rowid`)
    .execute();
  await db.schema.createIndex("invitation_code_by_room").on("invitation_code").column("room_id").execute();
  await db.schema
    .createTable("removal_bar")
    .addColumn("room_id", "blob", (column) => column.notNull())
    .addColumn("user_id", "blob", (column) => column.notNull())
    .addColumn("through_ordinal", "integer", (column) => column.notNull())
    .addPrimaryKeyConstraint("removal_bar_key", ["room_id", "user_id"])
    .modifyEnd(sql`without rowid`)
    .execute();
}
