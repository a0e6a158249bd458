import { sqlFiles } from "../../../common/database/sql-files.ts";
import { rooms } from "./0001-rooms.ts";

const file = (name: string) => sqlFiles(new URL(`./mssql/${name}`, import.meta.url));

/** All that made room's tables what they are, by name. */
export const migrations = {
  sqlite: { "0001-rooms": rooms },
  mssql: { "0001-rooms": file("0001-rooms.sql") },
};
