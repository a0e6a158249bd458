import { timelines } from "./0001-timelines.ts";

/** All that made the tables of `message.db` what they are, by name. */
export const migrations = { "0001-timelines": timelines };
