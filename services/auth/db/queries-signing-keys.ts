import type { Kysely } from "kysely";
import { lockNamed } from "../../common/database/named-lock.ts";
import type { AuthTables, SigningKeyRow } from "./tables.ts";

type Db = Kysely<AuthTables>;

/** Keeps other replicas from making a key until the transaction ends. */
export async function lockSigningKeys(db: Db): Promise<void> {
  await lockNamed(db, "signing keys");
}

/** All signing keys, in the order in which they sign. */
export async function listSigningKeys(db: Db): Promise<SigningKeyRow[]> {
  return db.selectFrom("signing_key").selectAll().orderBy("activates_at").orderBy("kid").execute();
}

export async function insertSigningKey(db: Db, key: SigningKeyRow): Promise<void> {
  await db.insertInto("signing_key").values(key).execute();
}

/** Writes down when the key's successor takes over. */
export async function retireSigningKey(db: Db, kid: string, retiresAt: number): Promise<void> {
  await db.updateTable("signing_key").set({ retires_at: retiresAt }).where("kid", "=", kid).execute();
}

/** Forgets the keys that signed nothing since `before`. */
export async function deleteSigningKeysRetiredBefore(db: Db, before: number): Promise<void> {
  await db.deleteFrom("signing_key").where("retires_at", "<", before).execute();
}
