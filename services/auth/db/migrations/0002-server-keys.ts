import { type Kysely, sql } from "kysely";

/** Keys of applications that embed Parley. */
export const serverKeys = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable("server_key")
      .addColumn("key_id", "blob", (column) => column.primaryKey())
      .addColumn("name", "text", (column) => column.notNull())
      .addColumn("key_hash", "blob", (column) => column.notNull().unique())
      .addColumn("scopes", "text", (column) => column.notNull())
      .addColumn("created_at", "integer", (column) => column.notNull())
      .addColumn("expires_at", "integer")
      .addColumn("revoked_at", "integer")
      .addColumn("last_used_at", "integer")
      .modifyEnd(sql`without rowid`)
      .execute();
  },
};
