import { sqlFiles } from "../../../common/database/sql-files.ts";
import { rooms } from "./0001-rooms.ts";
import { epoch as sqliteEpoch } from "./0002-epoch.ts";
import { epoch as mssqlEpoch } from "./mssql-epoch.ts";

const file = (name: string) => sqlFiles(new URL(`./mssql/${name}`, import.meta.url));

/** All that made room's tables what they are, by name. */
export const migrations = {
  sqlite: { "0001-rooms": rooms, "0002-epoch": sqliteEpoch },
  mssql: { "0001-rooms": file("0001-rooms.sql"), "0002-epoch": mssqlEpoch },
};
