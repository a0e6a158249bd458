import { pause } from "../common/backoff.ts";
import type { MessageConfig } from "./config.ts";
import type { MessageDatabase, TimelineQueue } from "./timeline-queue.ts";

/** Work that goes on in the background. Each is started again when it fails. */
export interface BackgroundWork {
  readonly name: string;
  run(signal: AbortSignal): Promise<void>;
}

export interface BackgroundDeps {
  database: Pick<MessageDatabase, "call">;
  queue: Pick<TimelineQueue, "append">;
  config: Pick<MessageConfig, "feedIntervalMs" | "eraseIntervalMs" | "pruneIntervalMs" | "feedLifetimeMs">;
  clock: () => number;
}

const entriesAtOnce = 200;
const rowsAtOnce = 500;
/** Between two slices, so that writers wait for no more than one. */
const breathMs = 20;

/**
 * What was recorded as due: entries in feeds, text of deleted rooms, old entries. All of it is in tables and done in
 * slices, each in a transaction with the note that it is done, so it happens once and goes on after a crash.
 */
export function createBackgroundWork(deps: BackgroundDeps): BackgroundWork[] {
  const { database, queue, config, clock } = deps;

  async function announceReads(): Promise<boolean> {
    const [, count] = await queue.append(["announceReads", entriesAtOnce]);
    return count === entriesAtOnce;
  }

  async function announceDeletions(): Promise<boolean> {
    const [, count] = await queue.append(["announceDeletions", entriesAtOnce]);
    return count === entriesAtOnce;
  }

  const prune = () => database.call("pruneFeeds", clock() - config.feedLifetimeMs, rowsAtOnce);

  return [
    { name: "read markers", run: inSlices(announceReads, config.feedIntervalMs, 0) },
    { name: "room deletions", run: inSlices(announceDeletions, config.feedIntervalMs, 0) },
    {
      name: "erasure",
      run: inSlices(() => database.call("erase", rowsAtOnce), config.eraseIntervalMs, breathMs),
    },
    { name: "feed pruning", run: inSlices(prune, config.pruneIntervalMs, breathMs) },
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
