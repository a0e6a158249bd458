import type { DatabaseSync } from "node:sqlite";
import type { ReadProcedures, WriteProcedures } from "../procedures.ts";
import { createAppend } from "./append.ts";
import { createErase, createPruneFeeds } from "./erasure.ts";
import { createMessageView } from "./message-view.ts";
import { createMessageReads } from "./read-messages.ts";
import { createPersonReads } from "./read-people.ts";
import { createAccess, createRoomReads } from "./read-rooms.ts";
import { createTimelineReads } from "./read-timeline.ts";

/** The module that the database's threads load. */
export function createProcedures(db: DatabaseSync): WriteProcedures {
  return { append: createAppend(db), erase: createErase(db), pruneFeeds: createPruneFeeds(db) };
}

export function createReadProcedures(db: DatabaseSync): ReadProcedures {
  const access = createAccess(db);
  const messages = createMessageView(db, access);
  return {
    ...createRoomReads(db, access),
    ...createTimelineReads(db, access),
    ...createMessageReads(db, access, messages),
    ...createPersonReads(db, access, messages),
  };
}
