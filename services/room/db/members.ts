import type { Kysely, Selectable } from "kysely";
import type { Role } from "#gen/parley/room/v1/room_pb.js";
import { bytesToId, idToBytes } from "../../common/ids.ts";
import type { MemberTable, RoomTables } from "./tables.ts";

export interface Member {
  readonly userId: string;
  readonly role: Role;
  readonly joinedAt: number;
  /** The version by which they joined. */
  readonly ordinal: number;
}

export async function findMember(
  db: Kysely<RoomTables>,
  roomId: string,
  userId: string,
): Promise<Member | undefined> {
  const row = await db
    .selectFrom("member")
    .selectAll()
    .where("room_id", "=", idToBytes(roomId))
    .where("user_id", "=", idToBytes(userId))
    .executeTakeFirst();
  return row && toMember(row);
}

/** In the order in which they joined. */
export async function listMembers(
  db: Kysely<RoomTables>,
  roomId: string,
  afterOrdinal: number,
  limit: number,
): Promise<Member[]> {
  const rows = await db
    .selectFrom("member")
    .selectAll()
    .where("room_id", "=", idToBytes(roomId))
    .where("ordinal", ">", afterOrdinal)
    .orderBy("ordinal")
    .limit(limit)
    .execute();
  return rows.map(toMember);
}

export async function insertMembers(
  db: Kysely<RoomTables>,
  roomId: string,
  members: readonly Member[],
): Promise<void> {
  await db
    .insertInto("member")
    .values(
      members.map((member) => ({
        room_id: idToBytes(roomId),
        user_id: idToBytes(member.userId),
        role: member.role,
        joined_at: member.joinedAt,
        ordinal: member.ordinal,
      })),
    )
    .execute();
}

export async function updateMemberRole(
  db: Kysely<RoomTables>,
  roomId: string,
  userId: string,
  role: Role,
): Promise<void> {
  await db
    .updateTable("member")
    .set({ role })
    .where("room_id", "=", idToBytes(roomId))
    .where("user_id", "=", idToBytes(userId))
    .execute();
}

export async function deleteMember(db: Kysely<RoomTables>, roomId: string, userId: string): Promise<void> {
  await db
    .deleteFrom("member")
    .where("room_id", "=", idToBytes(roomId))
    .where("user_id", "=", idToBytes(userId))
    .execute();
}

export async function deleteAllMembers(db: Kysely<RoomTables>, roomId: string): Promise<void> {
  await db.deleteFrom("member").where("room_id", "=", idToBytes(roomId)).execute();
}

function toMember(row: Selectable<MemberTable>): Member {
  return {
    userId: bytesToId(row.user_id),
    role: row.role,
    joinedAt: row.joined_at,
    ordinal: row.ordinal,
  };
}
