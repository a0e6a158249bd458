import type { Kysely } from "kysely";
import type { RoomChange } from "#gen/parley/room/v1/room_change_pb.js";
import type { Announcement } from "../common/database/outbox-table.ts";
import type { EventRecord } from "../common/events/event-log.ts";
import type { OutboxRow } from "../common/events/outbox.ts";
import { roomTopic } from "../common/events/topics.ts";
import { readChanges } from "./db/changes.ts";
import type { RoomTables } from "./db/tables.ts";

/** How changes go onto the event log: one record each, keyed by the room, numbered by the version. */

export function recordsOf(changes: readonly RoomChange[]): EventRecord<RoomChange>[] {
  return changes.map((change) => ({ key: change.roomId, number: change.version, message: change }));
}

/** What announces the changes of one call. There is at least one. */
export function announcementOf(changes: readonly RoomChange[], now: number): Announcement {
  const [first, last] = [changes[0]!, changes.at(-1)!];
  return {
    topic: roomTopic.name,
    key: first.roomId,
    firstNumber: Number(first.version),
    lastNumber: Number(last.version),
    createdAt: now,
  };
}

/** What an outbox row announces, from the log of changes. */
export async function renderAnnouncement(
  db: Kysely<RoomTables>,
  { key, firstNumber, lastNumber }: OutboxRow,
): Promise<EventRecord<RoomChange>[]> {
  return recordsOf(await readChanges(db, key, firstNumber, lastNumber));
}
