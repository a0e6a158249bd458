import { type Kysely, sql } from "kysely";
import { sqlFiles } from "../../../common/database/sql-files.ts";
import { newId } from "../../../common/ids.ts";

const table = sqlFiles(new URL("./mssql/0002-epoch.sql", import.meta.url));

/** Facts about the database, and the id of the life of its data. */
export const epoch = {
  async up(db: Kysely<unknown>): Promise<void> {
    await table.up(db);
    await sql`insert into room.meta (name, value) values ('epoch', ${newId()})`.execute(db);
  },
};
