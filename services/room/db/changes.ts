import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import type { Kysely, Selectable } from "kysely";
import { type RoomChange, RoomChangeSchema } from "#gen/parley/room/v1/room_change_pb.js";
import { bytesToId, idToBytes } from "../../common/ids.ts";
import type { RoomChangeTable, RoomTables } from "./tables.ts";

export async function insertChanges(db: Kysely<RoomTables>, changes: readonly RoomChange[]): Promise<void> {
  await db
    .insertInto("room_change")
    .values(
      changes.map((change) => ({
        room_id: idToBytes(change.roomId),
        version: Number(change.version),
        change_id: idToBytes(change.changeId),
        call_version: Number(change.callVersion),
        actor_id: idToBytes(change.actorId),
        at: change.at ? timestampMs(change.at) : 0,
        body: encodeBody(change),
      })),
    )
    .execute();
}

/** Changes from `first` to `last`, both included, in the order of their versions. */
export async function readChanges(
  db: Kysely<RoomTables>,
  roomId: string,
  first: number,
  last: number,
): Promise<RoomChange[]> {
  const rows = await db
    .selectFrom("room_change")
    .selectAll()
    .where("room_id", "=", idToBytes(roomId))
    .where("version", ">=", first)
    .where("version", "<=", last)
    .orderBy("version")
    .execute();
  return rows.map(toRoomChange);
}

/**
 * The changes after a version, in whole calls. `limit` must be at least the number of changes that one call can make,
 * so that there is always room for one. `hasMore` tells whether others follow.
 */
export async function listWholeCalls(
  db: Kysely<RoomTables>,
  roomId: string,
  afterVersion: number,
  limit: number,
): Promise<{ changes: RoomChange[]; hasMore: boolean }> {
  const rows = await db
    .selectFrom("room_change")
    .selectAll()
    .where("room_id", "=", idToBytes(roomId))
    .where("version", ">", afterVersion)
    .orderBy("version")
    .limit(limit + 1)
    .execute();
  if (rows.length <= limit) return { changes: rows.map(toRoomChange), hasMore: false };
  const end = rows.slice(0, limit).findLastIndex((row) => row.version === row.call_version);
  return { changes: rows.slice(0, end + 1).map(toRoomChange), hasMore: true };
}

function encodeBody({ kind, body }: RoomChange): Uint8Array {
  return toBinary(RoomChangeSchema, create(RoomChangeSchema, { kind, body }));
}

function toRoomChange(row: Selectable<RoomChangeTable>): RoomChange {
  const change = fromBinary(RoomChangeSchema, row.body);
  change.roomId = bytesToId(row.room_id);
  change.version = BigInt(row.version);
  change.changeId = bytesToId(row.change_id);
  change.callVersion = BigInt(row.call_version);
  change.actorId = bytesToId(row.actor_id);
  change.at = timestampFromMs(row.at);
  return change;
}
