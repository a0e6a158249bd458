import type { Kysely } from "kysely";
import { newId } from "../common/ids.ts";
import {
  beginEpoch as beginMessageEpoch,
  listTimelineVersions,
  type TimelineVersion,
} from "../message/db/histories.ts";
import type { MessageTables } from "../message/db/tables.ts";
import { beginEpoch as beginRoomEpoch } from "../room/db/epoch.ts";
import {
  findChangeIds,
  listRoomVersions,
  lowerAppliedVersions,
  type RoomVersion,
} from "../room/db/histories.ts";
import type { RoomTables } from "../room/db/tables.ts";

/** The databases do not tell one history, so that nothing may be served from them. */
export class HistoriesError extends Error {
  constructor(message: string) {
    super(`the databases don't belong together: ${message}. Restore both from one backup`);
    this.name = "HistoriesError";
  }
}

export interface Histories {
  room: Kysely<RoomTables>;
  message: Kysely<MessageTables>;
}

/** Rooms at a time: each takes a condition of a query. */
const pageSize = 200;

/**
 * Makes databases that were put back into one that can be served. They are copies of about the same time, Message's the
 * older one: so each timeline is at a version that Room has too, by the same change. What Room made after it, and may
 * have handed over to what is lost, is noted to be handed over again. Then a new epoch begins, the same in both. All is
 * compared before anything is changed, and it can be repeated. Answers how many rooms have changes to be handed over
 * again.
 *
 * Throws HistoriesError.
 */
export async function fitTogether(databases: Histories): Promise<number> {
  await forEachPage(databases, async () => {});
  let count = 0;
  await forEachPage(databases, async (behind) => {
    await lowerAppliedVersions(databases.room, behind, Date.now());
    count += behind.length;
  });
  const epoch = newId();
  await beginRoomEpoch(databases.room, epoch);
  await beginMessageEpoch(databases.message, epoch);
  return count;
}

/** Goes through the rooms of both in the order of their ids, page by page; answers those behind what Room believes. */
async function forEachPage(
  { room, message }: Histories,
  work: (behind: { roomId: string; version: number }[]) => Promise<void>,
): Promise<void> {
  const timelines = createReader((after) => listTimelineVersions(message, after, pageSize));
  let after: string | undefined;
  for (;;) {
    const rooms = await listRoomVersions(room, after, pageSize);
    after = rooms.at(-1)?.roomId;
    const theirs = await timelines.readTo(after);
    await compare(room, rooms, theirs);
    const versions = new Map(theirs.map(({ roomId, version }) => [roomId, version]));
    await work(
      rooms
        .map(({ roomId, appliedVersion }) => ({ roomId, appliedVersion, version: versions.get(roomId) ?? 0 }))
        .filter(({ version, appliedVersion }) => version < appliedVersion),
    );
    if (after === undefined) return;
  }
}

/** Throws if a timeline has what Room does not. */
async function compare(
  db: Kysely<RoomTables>,
  rooms: readonly RoomVersion[],
  timelines: readonly TimelineVersion[],
): Promise<void> {
  const versions = new Map(rooms.map(({ roomId, version }) => [roomId, version]));
  for (const { roomId, version } of timelines) {
    const known = versions.get(roomId);
    if (known === undefined) throw new HistoriesError(`message.db has a room that room.db lacks (${roomId})`);
    if (known >= version) continue;
    const found = `room ${roomId} is at version ${version} there and at ${known} here`;
    throw new HistoriesError(`message.db is newer than room.db (${found})`);
  }
  const changeIds = await findChangeIds(db, timelines);
  for (const { roomId, version, changeId } of timelines) {
    if (changeIds.get(roomId) === changeId) continue;
    throw new HistoriesError(`version ${version} of room ${roomId} is not the same change in both`);
  }
}

/** Reads on from where it stopped. */
function createReader(list: (after: string | undefined) => Promise<TimelineVersion[]>) {
  let read: TimelineVersion[] = [];
  let after: string | undefined;
  let isOver = false;
  return {
    /** What there is up to a room, that one included; without one, whether there is more: some of it. */
    async readTo(roomId: string | undefined): Promise<TimelineVersion[]> {
      const isShort = () => (roomId === undefined ? read.length === 0 : (read.at(-1)?.roomId ?? "") < roomId);
      while (!isOver && isShort()) {
        const page = await list(after);
        isOver = page.length === 0;
        after = page.at(-1)?.roomId ?? after;
        read.push(...page);
      }
      const end =
        roomId === undefined ? read.length : read.findLastIndex((each) => each.roomId <= roomId) + 1;
      const taken = read.slice(0, end);
      read = read.slice(end);
      return taken;
    },
  };
}
