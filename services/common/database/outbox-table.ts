import type { DatabaseSync } from "node:sqlite";
import type { Generated, Kysely } from "kysely";
import { idToBytes } from "../ids.ts";
import { createLeaseTable, type LeaseTables } from "./lease.ts";

/**
 * What a service has committed and not yet announced on the event log. A row is written in the transaction of what it
 * announces, and names it without repeating it: the numbers from first to last of one key.
 */
export interface OutboxTable {
  /** Never used twice. Handed out before the commit, so rows may appear out of order. */
  id: Generated<number>;
  /** The topic's name. */
  topic: string;
  /** The records' key, in 16 bytes. */
  key: Uint8Array;
  first_number: number;
  last_number: number;
  /** In ms. */
  created_at: number;
}

/** The tables that a service with an outbox has among its own. */
export interface OutboxTables extends LeaseTables {
  outbox: OutboxTable;
}

/** What a transaction announces. */
export interface Announcement {
  /** The topic's name. */
  topic: string;
  /** The records' key. */
  key: string;
  firstNumber: number;
  /** At least `firstNumber`. */
  lastNumber: number;
  /** Now, in ms. */
  createdAt: number;
}

/** For a service's migrations: the tables of OutboxTables. */
export async function createOutboxTables(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("outbox")
    .addColumn("id", "integer", (column) => column.primaryKey().autoIncrement())
    .addColumn("topic", "text", (column) => column.notNull())
    .addColumn("key", "blob", (column) => column.notNull())
    .addColumn("first_number", "integer", (column) => column.notNull())
    .addColumn("last_number", "integer", (column) => column.notNull())
    .addColumn("created_at", "integer", (column) => column.notNull())
    .execute();
  await createLeaseTable(db);
}

/** Announces within a Kysely transaction; answers the row's id. */
export async function insertOutboxRow(db: Kysely<OutboxTables>, announcement: Announcement): Promise<number> {
  const { id } = await db
    .insertInto("outbox")
    .values({
      topic: announcement.topic,
      key: idToBytes(announcement.key),
      first_number: announcement.firstNumber,
      last_number: announcement.lastNumber,
      created_at: announcement.createdAt,
    })
    .returning("id")
    .executeTakeFirstOrThrow();
  return id;
}

/** The same for procedures that run in the database's own thread. */
export interface OutboxStatements {
  /** Announces; answers the row's id. */
  insert(announcement: Announcement): number;
  /** Removes rows that are published: those of `Outbox.takePublished`. */
  delete(ids: readonly number[]): void;
}

/** Prepares the statements. They run in the caller's transaction. */
export function createOutboxStatements(db: DatabaseSync): OutboxStatements {
  const insert = db.prepare(
    "insert into outbox (topic, key, first_number, last_number, created_at) values (?, ?, ?, ?, ?)",
  );
  const remove = db.prepare("delete from outbox where id = ?");
  return {
    insert({ topic, key, firstNumber, lastNumber, createdAt }) {
      return Number(insert.run(topic, idToBytes(key), firstNumber, lastNumber, createdAt).lastInsertRowid);
    },
    delete(ids) {
      for (const id of ids) remove.run(id);
    },
  };
}
