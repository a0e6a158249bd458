import type { Kysely } from "kysely";
import type { Logger } from "pino";
import { type AsyncQueue, createAsyncQueue } from "../common/async-queue.ts";
import { UnavailableError } from "../common/errors.ts";
import { bytesToId } from "../common/ids.ts";
import { listSessionEnds, type SessionEnd } from "./db/queries-sessions.ts";
import type { AuthTables } from "./db/tables.ts";

/**
 * Tells every verifier which sessions ended.
 *
 * What this process ends it announces right after the commit. What other replicas end is found by polling the ends of
 * the last moments again and again: an end is timed when its transaction begins and seen when it commits, so the window
 * reaches further back than any transaction lasts and clocks differ. An end that was passed on is remembered for as
 * long as the window may show it.
 *
 * A watcher begins to listen before the past is read for it, so nothing falls in between; what falls in both is named
 * twice. One that does not keep up is cut and begins anew, with the past.
 */
export interface Revocations {
  /** Passes on ends that were just committed here. */
  announce(ends: readonly SessionEnd[]): void;
  /** The ends of the past first, then `synced`, then each as it comes, until the signal aborts. */
  watch(signal: AbortSignal): AsyncIterable<RevocationStep>;
  /** Looks for what other replicas ended. */
  poll(): Promise<void>;
}

export interface RevocationStep {
  readonly revocations: readonly Revocation[];
  /** The past is complete. */
  readonly synced: boolean;
}

export interface Revocation {
  readonly sessionId: string;
  /** In ms since the epoch. */
  readonly endedAt: number;
}

export interface RevocationsDeps {
  db: Kysely<AuthTables>;
  tokenLifetimeMs: number;
  clock: () => number;
  logger: Logger;
}

/** Longer than any transaction may last, and than replicas' clocks may differ. */
const overlapMs = 15_000;
/** Steps that may wait for one watcher. */
const maxQueuedSteps = 1_000;
/** Revocations in one step. */
const stepSize = 1_000;

export function createRevocations({ db, tokenLifetimeMs, clock, logger }: RevocationsDeps): Revocations {
  const watchers = new Set<AsyncQueue<RevocationStep>>();
  /** When each session ended that was passed on, in the order in which it was. */
  const announced = new Map<string, number>();

  function forget(before: number): void {
    for (const [sessionId, endedAt] of announced) {
      if (endedAt < before) announced.delete(sessionId);
    }
  }

  function announce(ends: readonly SessionEnd[]): void {
    const fresh = ends.map(toRevocation).filter(({ sessionId }) => !announced.has(sessionId));
    for (const { sessionId, endedAt } of fresh) announced.set(sessionId, endedAt);
    for (const step of toSteps(fresh)) {
      for (const watcher of watchers) {
        if (watcher.push(step)) continue;
        watchers.delete(watcher);
        watcher.fail(new UnavailableError("the reader of revocations fell behind"));
        logger.warn("cut a reader of revocations that fell behind");
      }
    }
  }

  return {
    announce,

    async *watch(signal) {
      if (signal.aborted) return;
      const queue = createAsyncQueue<RevocationStep>(maxQueuedSteps);
      const end = () => queue.end();
      // Leaving the iteration would not do: it isn't heard of while the queue is waited for.
      signal.addEventListener("abort", end);
      watchers.add(queue);
      try {
        const past = await listSessionEnds(db, clock() - tokenLifetimeMs - overlapMs);
        yield* toSteps(past.map(toRevocation));
        yield { revocations: [], synced: true };
        yield* queue;
      } finally {
        watchers.delete(queue);
        signal.removeEventListener("abort", end);
      }
    },

    async poll() {
      const since = clock() - overlapMs;
      announce(await listSessionEnds(db, since));
      forget(since - overlapMs);
    },
  };
}

function toRevocation(end: SessionEnd): Revocation {
  return { sessionId: bytesToId(end.session_id), endedAt: end.ended_at };
}

function* toSteps(revocations: readonly Revocation[]): Generator<RevocationStep> {
  for (let from = 0; from < revocations.length; from += stepSize) {
    yield { revocations: revocations.slice(from, from + stepSize), synced: false };
  }
}
