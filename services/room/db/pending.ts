import type { Kysely } from "kysely";
import { bytesToId, idToBytes } from "../../common/ids.ts";
import type { RoomTables } from "./tables.ts";

/** A place in the order in which rooms began to wait. */
export interface PendingRoom {
  readonly roomId: string;
  readonly pendingSince: number;
}

/** The version up to which the timeline has the room's changes; undefined if nothing waits. */
export async function findAppliedVersion(
  db: Kysely<RoomTables>,
  roomId: string,
): Promise<number | undefined> {
  const row = await db
    .selectFrom("room")
    .select("applied_version")
    .where("room_id", "=", idToBytes(roomId))
    .whereRef("applied_version", "<", "version")
    .executeTakeFirst();
  return row?.applied_version;
}

/** Notes that the timeline has the changes up to `version`. Never goes back. */
export async function raiseAppliedVersion(
  db: Kysely<RoomTables>,
  roomId: string,
  version: number,
): Promise<void> {
  await db
    .updateTable("room")
    .set((eb) => ({
      applied_version: version,
      pending_since: eb.case().when("version", ">", version).then(eb.ref("pending_since")).else(null).end(),
    }))
    .where("room_id", "=", idToBytes(roomId))
    .where("applied_version", "<", version)
    .execute();
}

/** Rooms with changes that have waited since before `since`, the longest first, after a place in that order. */
export async function listPendingRooms(
  db: Kysely<RoomTables>,
  since: number,
  after: PendingRoom | undefined,
  limit: number,
): Promise<PendingRoom[]> {
  let query = db
    .selectFrom("room")
    .select(["room_id", "pending_since"])
    .where("pending_since", "is not", null)
    .where("pending_since", "<=", since)
    .orderBy("pending_since")
    .orderBy("room_id")
    .limit(limit);
  if (after !== undefined) {
    query = query.where((eb) =>
      eb.or([
        eb("pending_since", ">", after.pendingSince),
        eb.and([eb("pending_since", "=", after.pendingSince), eb("room_id", ">", idToBytes(after.roomId))]),
      ]),
    );
  }
  const rows = await query.execute();
  return rows.map((row) => ({ roomId: bytesToId(row.room_id), pendingSince: row.pending_since ?? 0 }));
}
