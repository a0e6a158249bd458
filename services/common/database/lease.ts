import type { Kysely } from "kysely";
import { UniqueViolationError } from "./errors.ts";

/**
 * A lease says which of several processes does something that one is to do at a time. It ends by itself, so that a
 * process that died or stopped holds nothing up for longer than that; one that was only slow may find that another has
 * begun. What is done under a lease must therefore bear being done twice; the lease only makes that rare.
 */
export interface LeaseTable {
  name: string;
  /** The id, in 16 bytes, of who has it. */
  holder: Uint8Array;
  /** By the clock of who took it, in ms. */
  expires_at: number;
}

export interface LeaseTables {
  lease: LeaseTable;
}

export interface LeaseRequest {
  name: string;
  holder: Uint8Array;
  ttlMs: number;
  /** In ms. */
  now: number;
}

/** For a service's migrations. */
export async function createLeaseTable(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("lease")
    .addColumn("name", "text", (column) => column.primaryKey())
    .addColumn("holder", "blob", (column) => column.notNull())
    .addColumn("expires_at", "integer", (column) => column.notNull())
    .execute();
}

/** Takes the lease if it is free, or prolongs it for who has it; answers whether the holder has it now. */
export async function acquireLease(db: Kysely<LeaseTables>, request: LeaseRequest): Promise<boolean> {
  const { name, holder, now } = request;
  const expires_at = now + request.ttlMs;
  const { numUpdatedRows } = await db
    .updateTable("lease")
    .set({ holder, expires_at })
    .where("name", "=", name)
    .where((eb) => eb.or([eb("holder", "=", holder), eb("expires_at", "<=", now)]))
    .executeTakeFirst();
  if (numUpdatedRows > 0n) return true;
  const taken = await db.selectFrom("lease").select("name").where("name", "=", name).executeTakeFirst();
  return taken === undefined && insertLease(db, { name, holder, expires_at });
}

/** Of those who find none at once, one makes it. */
async function insertLease(db: Kysely<LeaseTables>, lease: LeaseTable): Promise<boolean> {
  try {
    await db.insertInto("lease").values(lease).execute();
    return true;
  } catch (error) {
    if (error instanceof UniqueViolationError) return false;
    throw error;
  }
}
