import { type Kysely, sql } from "kysely";
import { newId } from "../../../common/ids.ts";

/** Facts about the database, and the id of the life of its data. */
export const epoch = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable("meta")
      .addColumn("name", "text", (column) => column.primaryKey())
      .addColumn("value", "text", (column) => column.notNull())
      .execute();
    await sql`insert into meta (name, value) values ('epoch', ${newId()})`.execute(db);
  },
};
