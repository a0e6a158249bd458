import type { Kysely } from "kysely";
import { transact } from "../../common/database/transact.ts";
import { bytesToId, idToBytes } from "../../common/ids.ts";
import type { RoomTables } from "./tables.ts";

/** A room and what it takes to be handed over. */
export interface RoomVersion {
  roomId: string;
  version: number;
  /** The version up to which Room believes that the timeline has its changes. */
  appliedVersion: number;
}

/** Rooms after `after` in the order of their ids. */
export async function listRoomVersions(
  db: Kysely<RoomTables>,
  after: string | undefined,
  limit: number,
): Promise<RoomVersion[]> {
  let query = db
    .selectFrom("room")
    .select(["room_id", "version", "applied_version"])
    .orderBy("room_id")
    .limit(limit);
  if (after !== undefined) query = query.where("room_id", ">", idToBytes(after));
  const rows = await query.execute();
  return rows.map((row) => ({
    roomId: bytesToId(row.room_id),
    version: row.version,
    appliedVersion: row.applied_version,
  }));
}

/** The ids of one change each of some rooms, by room; without those that are not there. */
export async function findChangeIds(
  db: Kysely<RoomTables>,
  changes: readonly { roomId: string; version: number }[],
): Promise<Map<string, string>> {
  if (changes.length === 0) return new Map();
  const rows = await db
    .selectFrom("room_change")
    .select(["room_id", "change_id"])
    .where((eb) =>
      eb.or(
        changes.map(({ roomId, version }) =>
          eb.and([eb("room_id", "=", idToBytes(roomId)), eb("version", "=", version)]),
        ),
      ),
    )
    .execute();
  return new Map(rows.map((row) => [bytesToId(row.room_id), bytesToId(row.change_id)]));
}

/** Notes that the timelines lack what they were believed to have, so that it is handed over again. */
export async function lowerAppliedVersions(
  db: Kysely<RoomTables>,
  rooms: readonly { roomId: string; version: number }[],
  now: number,
): Promise<void> {
  await transact(db, async (transaction) => {
    for (const { roomId, version } of rooms) {
      await transaction
        .updateTable("room")
        .set((eb) => ({
          applied_version: version,
          pending_since: eb.fn.coalesce("pending_since", eb.val(now)),
        }))
        .where("room_id", "=", idToBytes(roomId))
        .where("applied_version", ">", version)
        .execute();
    }
  });
}
