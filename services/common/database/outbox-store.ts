import { randomBytes } from "node:crypto";
import type { Kysely } from "kysely";
import type { OutboxStore } from "../events/outbox-rows.ts";
import { bytesToId } from "../ids.ts";
import { acquireLease } from "./lease.ts";
import type { OutboxTables } from "./outbox-table.ts";

export interface SqlOutboxStoreDeps {
  kysely: Kysely<OutboxTables>;
  /** Now, in ms. */
  clock?: () => number;
}

/** The outbox in a service's own database, with the tables of `createOutboxTables`. */
export function createSqlOutboxStore({ kysely, clock = Date.now }: SqlOutboxStoreDeps): OutboxStore {
  const holder = randomBytes(16);
  return {
    async listUnpublished({ createdBefore, afterId, limit }) {
      const rows = await kysely
        .selectFrom("outbox")
        .selectAll()
        .where("id", ">", afterId)
        .where("created_at", "<", createdBefore)
        .orderBy("id")
        .limit(limit)
        .execute();
      return rows.map((row) => ({
        id: row.id,
        topic: row.topic,
        key: bytesToId(row.key),
        firstNumber: row.first_number,
        lastNumber: row.last_number,
      }));
    },
    async delete(ids) {
      if (ids.length > 0) await kysely.deleteFrom("outbox").where("id", "in", ids).execute();
    },
    acquireLease: (ttlMs) => acquireLease(kysely, { name: "outbox", holder, ttlMs, now: clock() }),
  };
}
