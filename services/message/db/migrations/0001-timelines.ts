import { type ColumnDefinitionBuilder, type Kysely, sql } from "kysely";
import { createOutboxTables } from "../../../common/database/outbox-table.ts";
import { newId } from "../../../common/ids.ts";

/** Timelines, who is in them, their projections, feeds, and what is left to be done in the background. */
export const timelines = {
  async up(db: Kysely<unknown>): Promise<void> {
    await createMeta(db);
    await createRooms(db);
    await createEvents(db);
    await createReactions(db);
    await createFeeds(db);
    await createLeftovers(db);
    await createOutboxTables(db);
  },
};

const required = (column: ColumnDefinitionBuilder) => column.notNull();

async function createMeta(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("meta")
    .addColumn("name", "text", (column) => column.primaryKey())
    .addColumn("value", "text", required)
    .execute();
  await sql`insert into meta (name, value) values ('epoch', ${newId()})`.execute(db);
}

async function createRooms(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("room")
    .addColumn("room_no", "integer", (column) => column.primaryKey())
    .addColumn("room_id", "blob", (column) => column.notNull().unique())
    .addColumn("version", "integer", required)
    .addColumn("head_seq", "integer", required)
    .addColumn("head_at", "integer", required)
    .addColumn("post_count", "integer", required)
    .addColumn("last_post_seq", "integer", required)
    .addColumn("last_standing_seq", "integer", required)
    .addColumn("deleted_at", "integer")
    .execute();
  await db.schema
    .createTable("person")
    .addColumn("user_no", "integer", (column) => column.primaryKey())
    .addColumn("user_id", "blob", (column) => column.notNull().unique())
    .addColumn("feed_seq", "integer", required)
    .addColumn("feed_first_seq", "integer", required)
    .execute();
  await db.schema
    .createTable("member")
    .addColumn("room_no", "integer", required)
    .addColumn("user_no", "integer", required)
    .addColumn("role", "integer", required)
    .addColumn("read_seq", "integer", required)
    .addColumn("read_posts", "integer", required)
    .addColumn("own_posts", "integer", required)
    .addPrimaryKeyConstraint("member_key", ["room_no", "user_no"])
    .modifyEnd(sql`without rowid`)
    .execute();
  await db.schema.createIndex("member_by_user").on("member").columns(["user_no", "room_no"]).execute();
  await db.schema
    .createTable("room_change")
    .addColumn("room_no", "integer", required)
    .addColumn("version", "integer", required)
    .addColumn("change_id", "blob", required)
    .addPrimaryKeyConstraint("room_change_key", ["room_no", "version"])
    .modifyEnd(sql`without rowid`)
    .execute();
}

async function createEvents(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("event")
    .addColumn("event_no", "integer", (column) => column.primaryKey())
    .addColumn("room_no", "integer", required)
    .addColumn("seq", "integer", required)
    .addColumn("kind", "integer", required)
    .addColumn("actor_no", "integer", required)
    .addColumn("at", "integer", required)
    .addColumn("post_no", "integer", required)
    .addColumn("prev_post_seq", "integer", required)
    .addColumn("reply_to_seq", "integer")
    .addColumn("prev_standing_seq", "integer")
    .addColumn("edit_seq", "integer")
    .addColumn("deleted_seq", "integer")
    .addColumn("target_seq", "integer")
    .addColumn("subject_no", "integer")
    .addColumn("role", "integer")
    .addColumn("client_id", "text")
    .addColumn("emoji", "text")
    .addColumn("name", "text")
    .addColumn("topic", "text")
    // Last: what comes after a long text in a row costs reading over it.
    .addColumn("text", "text")
    .addUniqueConstraint("event_key", ["room_no", "seq"])
    .execute();
  await db.schema
    .createIndex("event_by_client_id")
    .unique()
    .on("event")
    .columns(["room_no", "actor_no", "client_id"])
    .where("client_id" as never, "is not", null)
    .execute();
}

async function createReactions(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("reaction")
    .addColumn("room_no", "integer", required)
    .addColumn("message_seq", "integer", required)
    .addColumn("emoji", "text", required)
    .addColumn("user_no", "integer", required)
    .addColumn("event_seq", "integer", required)
    .addColumn("present", "integer", required)
    .addPrimaryKeyConstraint("reaction_key", ["room_no", "message_seq", "emoji", "user_no"])
    .modifyEnd(sql`without rowid`)
    .execute();
  await db.schema
    .createTable("reaction_count")
    .addColumn("room_no", "integer", required)
    .addColumn("message_seq", "integer", required)
    .addColumn("emoji", "text", required)
    .addColumn("people", "integer", required)
    .addColumn("first_seq", "integer", required)
    .addPrimaryKeyConstraint("reaction_count_key", ["room_no", "message_seq", "emoji"])
    .modifyEnd(sql`without rowid`)
    .execute();
}

async function createFeeds(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("feed")
    .addColumn("user_no", "integer", required)
    .addColumn("seq", "integer", required)
    .addColumn("at", "integer", required)
    .addColumn("kind", "integer", required)
    .addColumn("room_no", "integer", required)
    .addColumn("number", "integer", required)
    .addColumn("invitation_id", "blob")
    .addPrimaryKeyConstraint("feed_key", ["user_no", "seq"])
    .modifyEnd(sql`without rowid`)
    .execute();
  await db.schema.createIndex("feed_by_age").on("feed").column("at").execute();
  await db.schema
    .createTable("feed_due")
    .addColumn("user_no", "integer", required)
    .addColumn("room_no", "integer", required)
    .addColumn("due_at", "integer", required)
    .addPrimaryKeyConstraint("feed_due_key", ["user_no", "room_no"])
    .modifyEnd(sql`without rowid`)
    .execute();
  await db.schema.createIndex("feed_due_by_time").on("feed_due").column("due_at").execute();
}

async function createLeftovers(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("deleted_room")
    .addColumn("room_no", "integer", (column) => column.primaryKey())
    .addColumn("announced", "integer", required)
    .addColumn("erased_seq", "integer", required)
    .execute();
  await db.schema
    .createTable("deleted_message")
    .addColumn("room_no", "integer", required)
    .addColumn("message_seq", "integer", required)
    .addPrimaryKeyConstraint("deleted_message_key", ["room_no", "message_seq"])
    .modifyEnd(sql`without rowid`)
    .execute();
}
