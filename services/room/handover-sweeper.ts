import { type Backoff, backoffMs, pause } from "../common/backoff.ts";
import type { Database } from "../common/database/database.ts";
import { listPendingRooms, type PendingRoom } from "./db/pending.ts";
import type { RoomTables } from "./db/tables.ts";
import type { Handover } from "./handover.ts";

/**
 * Hands over what no caller waits for any more: changes of calls that were answered UNAVAILABLE, or whose process died
 * between its commit and the handover.
 *
 * A room that fails is left alone for a while, twice as long each time, so that one that can't be handed over at all
 * (one of the databases was restored alone) keeps none of the others waiting. A sweep that fails room after room ends
 * early: Message is away. Several replicas may sweep at once, as nothing is taken twice.
 */
export interface HandoverSweeper {
  /** One round over all rooms that are due. */
  sweep(signal: AbortSignal): Promise<void>;
  /** Sweeps until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

export interface HandoverSweeperDeps {
  database: Database<RoomTables>;
  handover: Pick<Handover, "settle">;
  /** Now, in ms. */
  clock: () => number;
}

/** Changes younger than this are still being handed over by their own call. */
const graceMs = 2_000;
const pauseMs = 1_000;
const retries: Backoff = { firstMs: 2_000, capMs: 60_000 };
const roomsPerPage = 100;
const failuresPerSweep = 5;

interface Failure {
  count: number;
  retryAt: number;
}

export function createHandoverSweeper(deps: HandoverSweeperDeps): HandoverSweeper {
  const { database, handover, clock } = deps;
  let failures = new Map<string, Failure>();

  /** Answers whether it went well; rooms that are not due do. */
  const settle = async ({ roomId }: PendingRoom, failing: Map<string, Failure>): Promise<boolean> => {
    const failure = failures.get(roomId);
    if (failure && failure.retryAt > clock()) {
      failing.set(roomId, failure);
      return true;
    }
    try {
      await handover.settle(roomId);
      return true;
    } catch {
      const count = (failure?.count ?? 0) + 1;
      failing.set(roomId, { count, retryAt: clock() + backoffMs(count, retries) });
      return false;
    }
  };

  const sweep = async (signal: AbortSignal): Promise<void> => {
    const since = clock() - graceMs;
    const failing = new Map<string, Failure>();
    let failed = 0;
    let after: PendingRoom | undefined;
    do {
      const page = await listPendingRooms(database.kysely, since, after, roomsPerPage);
      for (const room of page) {
        if (signal.aborted) return;
        failed = (await settle(room, failing)) ? 0 : failed + 1;
        if (failed < failuresPerSweep) continue;
        failures = new Map([...failures, ...failing]);
        return;
      }
      after = page.length === roomsPerPage ? page.at(-1) : undefined;
    } while (after !== undefined);
    failures = failing;
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
