import type { Kysely } from "kysely";
import { transact } from "../common/database/transact.ts";
import { deleteDeadSessions } from "./db/queries-sessions.ts";
import type { AuthTables } from "./db/tables.ts";

export interface DeadSessionsDeps {
  db: Kysely<AuthTables>;
  tokenLifetimeMs: number;
  clock: () => number;
}

const batchSize = 500;

/** Beyond what clocks may differ. */
const marginMs = 60_000;

/**
 * Deletes sessions that nobody asks for any more, in small transactions. An ended session stays for as long as its
 * refresh token would have lived, so that using it says SESSION_REVOKED, and until no access token of it is alive, since
 * verifiers that begin to listen are told of it. One that is gone has expired, whatever became of it.
 */
export function createDeadSessions({ db, tokenLifetimeMs, clock }: DeadSessionsDeps) {
  return {
    async remove(): Promise<void> {
      const expiredBefore = clock() - marginMs;
      const endedBefore = expiredBefore - tokenLifetimeMs;
      const limit = batchSize;
      let deleted = limit;
      while (deleted === limit) {
        deleted = await transact(db, (tx) => deleteDeadSessions(tx, { expiredBefore, endedBefore, limit }));
      }
    },
  };
}
