import { sqlFiles } from "../../../common/database/sql-files.ts";
import { accounts } from "./0001-accounts.ts";
import { serverKeys } from "./0002-server-keys.ts";

const file = (name: string) => sqlFiles(new URL(`./mssql/${name}`, import.meta.url));

/** In the order of their names. */
export const migrations = {
  sqlite: { "0001-accounts": accounts, "0002-server-keys": serverKeys },
  mssql: {
    "0001-accounts": file("0001-accounts.sql"),
    "0002-server-keys": file("0002-server-keys.sql"),
  },
};
