import { pause } from "../common/backoff.ts";
import type { MessageDatabase, TimelineQueue } from "./timeline-queue.ts";

/** Work that goes on in the background. Each is started again when it fails. */
export interface BackgroundWork {
  readonly name: string;
  run(signal: AbortSignal): Promise<void>;
}

export interface BackgroundDeps {
  database: Pick<MessageDatabase, "call">;
  queue: Pick<TimelineQueue, "append">;
  feedIntervalMs: number;
  feedLifetimeMs: number;
  clock: () => number;
}

const entriesAtOnce = 200;
const rowsAtOnce = 500;
const eraseIntervalMs = 1000;
/** Between two slices, so that writers wait for no more than one. */
const breathMs = 20;
const pruneIntervalMs = 3_600_000;

/**
 * What was recorded as due: entries in feeds, text of deleted rooms, old entries. All of it is in tables and done in
 * slices, each in a transaction with the note that it is done, so it happens once and goes on after a crash.
 */
export function createBackgroundWork(deps: BackgroundDeps): BackgroundWork[] {
  const { database, queue, clock } = deps;

  async function announceReads(): Promise<boolean> {
    const [, count] = await queue.append(["announceReads", entriesAtOnce]);
    return count === entriesAtOnce;
  }

  async function announceDeletions(): Promise<boolean> {
    const [, count] = await queue.append(["announceDeletions", entriesAtOnce]);
    return count === entriesAtOnce;
  }

  const prune = () => database.call("pruneFeeds", clock() - deps.feedLifetimeMs, rowsAtOnce);

  return [
    { name: "read markers", run: inSlices(announceReads, deps.feedIntervalMs, 0) },
    { name: "room deletions", run: inSlices(announceDeletions, deps.feedIntervalMs, 0) },
    { name: "erasure", run: inSlices(() => database.call("erase", rowsAtOnce), eraseIntervalMs, breathMs) },
    { name: "feed pruning", run: inSlices(prune, pruneIntervalMs, breathMs) },
  ];
}

/** Does slices until there is no more, and looks again after the interval. */
function inSlices(slice: () => Promise<boolean>, intervalMs: number, betweenMs: number) {
  return async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      const more = await slice();
      await pause(more ? betweenMs : intervalMs, signal);
    }
  };
}
