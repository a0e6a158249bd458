import { accounts } from "./0001-accounts.ts";

/** In the order of their names. */
export const migrations = { "0001-accounts": accounts };
