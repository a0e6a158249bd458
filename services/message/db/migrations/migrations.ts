import { timelines } from "./0001-timelines.ts";

/** All that made the tables of `message.db` what they are, by name. */
export const migrations = { sqlite: { "0001-timelines": timelines }, mssql: {} };
