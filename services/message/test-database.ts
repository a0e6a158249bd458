import { onTestFinished } from "vitest";
import { openDatabase } from "../common/database/database.ts";
import { newId } from "../common/ids.ts";
import { migrations } from "./db/migrations/migrations.ts";
import { procedures, type ReadProcedures, type WriteProcedures } from "./db/procedures.ts";
import type { MessageTables } from "./db/tables.ts";
import { createFolder, logger, messageDatabaseUrl } from "./test-message.ts";
import type { MessageDatabase } from "./timeline-queue.ts";
import { eventKind, type Op, type OpResult, type RoomChangeRow, rank } from "./types.ts";

/** For tests: the real database, without the service; on a server that of a folder may be opened several times. */
export async function openTestDatabase(folder?: string): Promise<MessageDatabase> {
  const place = folder ?? (await createFolder());
  const database = await openDatabase<MessageTables, WriteProcedures, ReadProcedures>({
    url: await messageDatabaseUrl(place),
    name: "message",
    migrations,
    procedures,
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

/** Everything in the tables that `append` writes. */
const tables = [
  "room",
  "person",
  "member",
  "room_change",
  "event",
  "reaction",
  "reaction_count",
  "feed",
  "feed_due",
  "deleted_room",
  "deleted_message",
  "outbox",
] as const satisfies (keyof MessageTables)[];

export async function dump({ kysely }: MessageDatabase) {
  const rows = await Promise.all(tables.map((table) => kysely.selectFrom(table).selectAll().execute()));
  return Object.fromEntries(tables.map((table, i) => [table, rows[i]]));
}

/** Results by their outcome and what comes first: a seq, a version or a refusal. */
export const brief = (results: readonly OpResult[]) => results.map(([outcome, first]) => [outcome, first]);

/** A database with a room of two, the first one its owner. */
export async function openTestRoom() {
  const database = await openTestDatabase();
  const [roomId, ada, bob] = [newId(), newId(), newId()];
  const joins = [roomChange(1, { userId: ada, role: rank.owner }), roomChange(2, { userId: bob })];
  const append = async (...ops: Op[]) => (await database.call("append", ops, [])).results;
  await append(["apply", roomId, joins]);
  return { database, append, roomId, ada, bob, joins };
}
