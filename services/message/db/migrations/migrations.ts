import { sqlFiles } from "../../../common/database/sql-files.ts";
import { timelines as sqliteTimelines } from "./0001-timelines.ts";
import { timelines as mssqlTimelines } from "./mssql-timelines.ts";

const procedures = [
  "append-event",
  "edit",
  "delete",
  "react",
  "mark-read",
  "apply-change",
  "apply",
  "append",
  "announce",
  "erase",
  "message-view",
  "read-timeline",
  "read-messages",
  "read-people",
  "read-rooms",
].map((name) => new URL(`../mssql/${name}.sql`, import.meta.url));

/** All that made message's tables and procedures what they are, by name. */
export const migrations = {
  sqlite: { "0001-timelines": sqliteTimelines },
  mssql: { "0001-timelines": mssqlTimelines, "0002-procedures": sqlFiles(...procedures) },
};
