import type { Kysely } from "kysely";
import { bytesToId, idToBytes } from "../../common/ids.ts";
import type { RoomTables } from "./tables.ts";

/**
 * Counts one more room for each of these people and answers whether all of them are still within `limit`. If not, the
 * transaction has to be given up. Their rows are held until it ends, after the room's, so that two rooms can't both be
 * the last. Who is new may be new to another transaction too: then one of them has to begin again.
 */
export async function countRoomIn(
  db: Kysely<RoomTables>,
  userIds: readonly string[],
  limit: number,
): Promise<boolean> {
  const people = userIds.toSorted().map(idToBytes);
  await insertNewPeople(db, people);
  await db
    .updateTable("person")
    .set((eb) => ({ room_count: eb("room_count", "+", 1) }))
    .where("user_id", "in", people)
    .execute();
  const over = await db
    .selectFrom("person")
    .select("user_id")
    .where("user_id", "in", people)
    .where("room_count", ">", limit)
    .limit(1)
    .executeTakeFirst();
  return over === undefined;
}

/** Counts one room less for someone who leaves it. */
export async function countRoomOut(db: Kysely<RoomTables>, userId: string): Promise<void> {
  await db
    .updateTable("person")
    .set((eb) => ({ room_count: eb("room_count", "-", 1) }))
    .where("user_id", "=", idToBytes(userId))
    .execute();
}

/** Counts one room less for everyone who is still in a room that ends. */
export async function countRoomOutForAll(db: Kysely<RoomTables>, roomId: string): Promise<void> {
  await db
    .updateTable("person")
    .set((eb) => ({ room_count: eb("room_count", "-", 1) }))
    .where("user_id", "in", (eb) =>
      eb.selectFrom("member").select("member.user_id").where("member.room_id", "=", idToBytes(roomId)),
    )
    .execute();
}

async function insertNewPeople(db: Kysely<RoomTables>, people: readonly Uint8Array[]): Promise<void> {
  const rows = await db.selectFrom("person").select("user_id").where("user_id", "in", people).execute();
  const known = new Set(rows.map(({ user_id }) => bytesToId(user_id)));
  const unknown = people.filter((user_id) => !known.has(bytesToId(user_id)));
  if (unknown.length === 0) return;
  await db
    .insertInto("person")
    .values(unknown.map((user_id) => ({ user_id, room_count: 0 })))
    .execute();
}
