import type { Kysely } from "kysely";
import { bytesToId, idToBytes } from "../../common/ids.ts";
import type { MessageTables } from "./tables.ts";

/** How far a room's timeline is: the last change of Room's that it has, by its version and its id. */
export interface TimelineVersion {
  roomId: string;
  version: number;
  changeId: string;
}

/** Rooms after `after` in the order of their ids. */
export async function listTimelineVersions(
  db: Kysely<MessageTables>,
  after: string | undefined,
  limit: number,
): Promise<TimelineVersion[]> {
  let query = db
    .selectFrom("room")
    .innerJoin("room_change", (join) =>
      join
        .onRef("room_change.room_no", "=", "room.room_no")
        .onRef("room_change.version", "=", "room.version"),
    )
    .select(["room.room_id", "room.version", "room_change.change_id"])
    .orderBy("room.room_id")
    .limit(limit);
  if (after !== undefined) query = query.where("room.room_id", ">", idToBytes(after));
  const rows = await query.execute();
  return rows.map((row) => ({
    roomId: bytesToId(row.room_id),
    version: row.version,
    changeId: bytesToId(row.change_id),
  }));
}

/** Begins another life of the data: cursors of the former one mean nothing any more. */
export async function beginEpoch(db: Kysely<MessageTables>, epoch: string): Promise<void> {
  await db.updateTable("meta").set({ value: epoch }).where("name", "=", "epoch").execute();
}
