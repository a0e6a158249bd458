import { setTimeout as sleep } from "node:timers/promises";
import type { Kysely, Transaction } from "kysely";
import { backoffMs } from "../backoff.ts";
import { TransactionConflictError, UniqueViolationError } from "./errors.ts";

const attempts = 4;
const retries = { firstMs: 10, capMs: 100 };

/**
 * Does the work in a transaction, and does it anew when another one got in its way: took the locks in another order, or
 * made the same key first, which the next time will be found. Work that doubles a key by itself fails each time. What it
 * does besides the transaction must bear being done again.
 */
export async function transact<Tables, T>(
  db: Kysely<Tables>,
  work: (transaction: Transaction<Tables>) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await db.transaction().execute(work);
    } catch (error) {
      const mayRepeat = error instanceof TransactionConflictError || error instanceof UniqueViolationError;
      if (attempt === attempts || !mayRepeat) throw error;
      await sleep(backoffMs(attempt, retries));
    }
  }
}
