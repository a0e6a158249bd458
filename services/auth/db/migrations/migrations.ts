import { accounts } from "./0001-accounts.ts";
import { serverKeys } from "./0002-server-keys.ts";

/** In the order of their names. */
export const migrations = { "0001-accounts": accounts, "0002-server-keys": serverKeys };
