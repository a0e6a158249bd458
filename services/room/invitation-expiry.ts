import { pause } from "../common/backoff.ts";
import type { Database } from "../common/database/database.ts";
import { endExpiredInvitations } from "./db/invitations.ts";
import type { RoomTables } from "./db/tables.ts";

/**
 * Marks invitations that are past their time as ended, so that lists don't have to step over them. It changes no answer:
 * whether one holds is always asked of the clock. What has ended is kept, in a row of some 150 bytes, as long as the
 * room, because a member may accept any code there ever was, and revoking what is gone is no error.
 */
export interface InvitationExpiry {
  /** Ends all that are past their time now. */
  sweep(signal: AbortSignal): Promise<void>;
  /** Does so every minute until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

export interface InvitationExpiryDeps {
  database: Database<RoomTables>;
  /** Now, in ms. */
  clock: () => number;
}

const pauseMs = 60_000;

/** Few at a time: callers wait behind each transaction. */
const perTransaction = 500;

export function createInvitationExpiry({ database, clock }: InvitationExpiryDeps): InvitationExpiry {
  const sweep = async (signal: AbortSignal): Promise<void> => {
    let ended = perTransaction;
    while (ended === perTransaction && !signal.aborted) {
      ended = await endExpiredInvitations(database.kysely, clock(), perTransaction);
    }
  };
  return {
    sweep,
    async run(signal) {
      while (!signal.aborted) {
        await sweep(signal);
        await pause(pauseMs, signal);
      }
    },
  };
}
