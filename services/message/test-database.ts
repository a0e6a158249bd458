import { onTestFinished } from "vitest";
import { openDatabase } from "../common/database/database.ts";
import { newId } from "../common/ids.ts";
import { migrations } from "./db/migrations/migrations.ts";
import type { ReadProcedures, WriteProcedures } from "./db/procedures.ts";
import type { MessageTables } from "./db/tables.ts";
import { createFolder, logger } from "./test-message.ts";
import type { MessageDatabase } from "./timeline-queue.ts";
import { eventKind, type RoomChangeRow } from "./types.ts";

/** For tests: the real database, without the service. */
export async function openTestDatabase(): Promise<MessageDatabase> {
  const folder = await createFolder();
  const database = await openDatabase<MessageTables, WriteProcedures, ReadProcedures>({
    url: `sqlite:${folder}`,
    name: "message",
    migrations,
    procedures: new URL("./db/sqlite/procedures.ts", import.meta.url),
    logger,
  });
  onTestFinished(() => database.close());
  return database;
}

/** A change as it is applied: someone joins, unless said otherwise. */
export function roomChange(version: number, change: Partial<RoomChangeRow> = {}): RoomChangeRow {
  const userId = change.userId ?? newId();
  return {
    version,
    changeId: newId(),
    actorId: userId,
    at: Date.now(),
    kind: eventKind.memberJoined,
    userId,
    role: 1,
    name: "",
    topic: "",
    invitationId: "",
    ...change,
  };
}
