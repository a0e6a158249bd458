import type { Kysely } from "kysely";
import type { RoomTables } from "./tables.ts";

/** The life of the data that versions belong to. */
export async function readEpoch(db: Kysely<RoomTables>): Promise<string> {
  const { value } = await db
    .selectFrom("meta")
    .select("value")
    .where("name", "=", "epoch")
    .executeTakeFirstOrThrow();
  return value;
}

/** Begins another life of the data: versions of the former one may be given out again. */
export async function beginEpoch(db: Kysely<RoomTables>, epoch: string): Promise<void> {
  await db.updateTable("meta").set({ value: epoch }).where("name", "=", "epoch").execute();
}
