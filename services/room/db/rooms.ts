import type { Kysely, Selectable } from "kysely";
import type { Role, RoomKind } from "#gen/parley/room/v1/room_pb.js";
import { bytesToId, idToBytes } from "../../common/ids.ts";
import type { RoomTable, RoomTables } from "./tables.ts";

/** A room as its row has it. */
export interface RoomState {
  readonly roomId: string;
  readonly kind: RoomKind;
  name: string;
  topic: string;
  readonly createdAt: number;
  readonly contentHash: Uint8Array | null;
  version: number;
  readonly appliedVersion: number;
  pendingSince: number | null;
  changedAt: number;
  memberCount: number;
  ownerCount: number;
  invitationCount: number;
  deletedAt: number | null;
}

/** A room and what the one who asks is in it. */
export interface RoomOfMember {
  readonly room: RoomState;
  readonly role: Role;
}

export interface NewRoom {
  readonly roomId: string;
  readonly kind: RoomKind;
  readonly name: string;
  readonly topic: string;
  readonly creatorId: string;
  readonly createdAt: number;
  readonly client?: { readonly id: string; readonly contentHash: Uint8Array } | undefined;
  /** Of a direct room. */
  readonly pair?: readonly [string, string];
}

/**
 * The room's row, held until the transaction ends: whatever else a transaction touches of the room comes after this. It
 * is updated to what it is, which holds it on any database, and only then read.
 */
export async function lockRoom(db: Kysely<RoomTables>, roomId: string): Promise<RoomState | undefined> {
  const room_id = idToBytes(roomId);
  await db
    .updateTable("room")
    .set((eb) => ({ version: eb.ref("version") }))
    .where("room_id", "=", room_id)
    .execute();
  const row = await db.selectFrom("room").selectAll().where("room_id", "=", room_id).executeTakeFirst();
  return row && toRoomState(row);
}

export async function insertRoom(db: Kysely<RoomTables>, room: NewRoom): Promise<RoomState> {
  const row: Selectable<RoomTable> = {
    room_id: idToBytes(room.roomId),
    kind: room.kind,
    name: room.name,
    topic: room.topic,
    creator_id: idToBytes(room.creatorId),
    created_at: room.createdAt,
    client_id: room.client?.id ?? null,
    content_hash: room.client?.contentHash ?? null,
    pair_key: room.pair ? pairKey(...room.pair) : null,
    version: 0,
    applied_version: 0,
    pending_since: null,
    changed_at: room.createdAt,
    member_count: 0,
    owner_count: 0,
    invitation_count: 0,
    deleted_at: null,
  };
  await db.insertInto("room").values(row).execute();
  return toRoomState(row);
}

/** Writes back what may have changed of a locked room. A deleted room's client id is free again. */
export async function saveRoom(db: Kysely<RoomTables>, room: RoomState): Promise<void> {
  await db
    .updateTable("room")
    .set({
      name: room.name,
      topic: room.topic,
      version: room.version,
      pending_since: room.pendingSince,
      changed_at: room.changedAt,
      member_count: room.memberCount,
      owner_count: room.ownerCount,
      invitation_count: room.invitationCount,
      deleted_at: room.deletedAt,
      ...(room.deletedAt === null ? {} : { client_id: null, content_hash: null }),
    })
    .where("room_id", "=", idToBytes(room.roomId))
    .execute();
}

/** The room that a CreateRoom with this client id made, while it lives. */
export async function findRoomByClientId(
  db: Kysely<RoomTables>,
  creatorId: string,
  clientId: string,
): Promise<string | undefined> {
  const row = await db
    .selectFrom("room")
    .select("room_id")
    .where("creator_id", "=", idToBytes(creatorId))
    .where("client_id", "=", clientId)
    .executeTakeFirst();
  return row && bytesToId(row.room_id);
}

/** The direct room of two people, in either order. */
export async function findDirectRoom(
  db: Kysely<RoomTables>,
  userId: string,
  otherId: string,
): Promise<string | undefined> {
  const row = await db
    .selectFrom("room")
    .select("room_id")
    .where("pair_key", "=", pairKey(userId, otherId))
    .executeTakeFirst();
  return row && bytesToId(row.room_id);
}

/** The room, if the person is in it. */
export async function findRoomOfMember(
  db: Kysely<RoomTables>,
  roomId: string,
  userId: string,
): Promise<RoomOfMember | undefined> {
  const row = await selectRoomsOfMember(db, userId)
    .where("member.room_id", "=", idToBytes(roomId))
    .executeTakeFirst();
  return row && { room: toRoomState(row), role: row.role };
}

/** The rooms that the person is in, in the order of their ids, which is that in which they were made. */
export async function listRoomsOfMember(
  db: Kysely<RoomTables>,
  userId: string,
  afterRoomId: string | undefined,
  limit: number,
): Promise<RoomOfMember[]> {
  let query = selectRoomsOfMember(db, userId).orderBy("member.room_id").limit(limit);
  if (afterRoomId !== undefined) query = query.where("member.room_id", ">", idToBytes(afterRoomId));
  const rows = await query.execute();
  return rows.map((row) => ({ room: toRoomState(row), role: row.role }));
}

function selectRoomsOfMember(db: Kysely<RoomTables>, userId: string) {
  return db
    .selectFrom("member")
    .innerJoin("room", "room.room_id", "member.room_id")
    .selectAll("room")
    .select("member.role")
    .where("member.user_id", "=", idToBytes(userId));
}

/** The same for both orders. */
function pairKey(userId: string, otherId: string): Uint8Array {
  const [lower, higher] = userId < otherId ? [userId, otherId] : [otherId, userId];
  const key = new Uint8Array(32);
  key.set(idToBytes(lower), 0);
  key.set(idToBytes(higher), 16);
  return key;
}

function toRoomState(row: Selectable<RoomTable>): RoomState {
  return {
    roomId: bytesToId(row.room_id),
    kind: row.kind,
    name: row.name,
    topic: row.topic,
    createdAt: row.created_at,
    contentHash: row.content_hash,
    version: row.version,
    appliedVersion: row.applied_version,
    pendingSince: row.pending_since,
    changedAt: row.changed_at,
    memberCount: row.member_count,
    ownerCount: row.owner_count,
    invitationCount: row.invitation_count,
    deletedAt: row.deleted_at,
  };
}
