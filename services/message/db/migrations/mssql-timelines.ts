import { type Kysely, sql } from "kysely";
import { sqlFiles } from "../../../common/database/sql-files.ts";
import { newId } from "../../../common/ids.ts";

const tables = sqlFiles(new URL("./mssql/0001-timelines.sql", import.meta.url));

/** The tables, and the id of the life of the data that begins here. */
export const timelines = {
  async up(db: Kysely<unknown>): Promise<void> {
    await tables.up(db);
    await sql`insert into message.meta (name, value) values ('epoch', ${newId()})`.execute(db);
  },
};
