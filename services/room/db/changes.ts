import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import type { Kysely, Selectable } from "kysely";
import { type RoomChange, RoomChangeSchema, UpdateChangeSchema } from "#gen/parley/room/v1/room_change_pb.js";
import { transact } from "../../common/database/transact.ts";
import { bytesToId, idToBytes } from "../../common/ids.ts";
import type { RoomChangeTable, RoomTables } from "./tables.ts";

/** Changes that are looked at in one transaction. */
const erasedAtOnce = 500;

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

/**
 * Takes the names and topics out of the log of a room that is no more, a slice of it in a transaction. The changes keep
 * their places.
 */
export async function eraseTexts(db: Kysely<RoomTables>, roomId: string): Promise<void> {
  for (let after: number | undefined = 0; after !== undefined; ) {
    const from: number = after;
    after = await transact(db, (slice) => eraseSlice(slice, roomId, from));
  }
}

/** Answers the version after which the next slice begins; undefined if there is none. */
async function eraseSlice(
  db: Kysely<RoomTables>,
  roomId: string,
  afterVersion: number,
): Promise<number | undefined> {
  const room_id = idToBytes(roomId);
  const rows = await db
    .selectFrom("room_change")
    .select(["version", "body"])
    .where("room_id", "=", room_id)
    .where("version", ">", afterVersion)
    .orderBy("version")
    .limit(erasedAtOnce)
    .execute();
  for (const { version, body } of rows) {
    const change = fromBinary(RoomChangeSchema, body);
    if (change.body.case !== "roomUpdated") continue;
    change.body.value = create(UpdateChangeSchema);
    await db
      .updateTable("room_change")
      .set({ body: encodeBody(change) })
      .where("room_id", "=", room_id)
      .where("version", "=", version)
      .execute();
  }
  return rows.length === erasedAtOnce ? rows.at(-1)?.version : undefined;
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
