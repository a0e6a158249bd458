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
  queue: Pick<TimelineQueue, "append" | "lastWriteAt">;
  config: Pick<MessageConfig, "feedIntervalMs" | "eraseIntervalMs" | "pruneIntervalMs" | "feedLifetimeMs">;
  clock: () => number;
}

const entriesAtOnce = 200;
const rowsAtOnce = 500;
/** For how long after a write it is looked for what came of it: longer than anything is put off. */
const lingerMs = 10_000;
/** How often it is looked otherwise, for what a process left that has ended. */
const idleMs = 10_000;
/** Between two slices, so that writers wait for no more than one. */
const breathMs = 20;

/**
 * What was recorded as due: entries in feeds, text of deleted rooms, old entries. All of it is in tables and done in
 * slices, each in a transaction with the note that it is done, so it happens once and goes on after a crash. Looking is
 * a write too, so it is done at the start and then often only after writes of this process, its own announcements among
 * them, whose dues it is the first to see.
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

  /** `slice` where there may be something to do. */
  function ifDue(slice: () => Promise<boolean>): () => Promise<boolean> {
    let looked = Number.NEGATIVE_INFINITY;
    let more = false;
    return async () => {
      const now = performance.now();
      if (!more && now - queue.lastWriteAt > lingerMs && now - looked < idleMs) return false;
      looked = now;
      more = await slice();
      return more;
    };
  }

  const erase = () => database.call("erase", rowsAtOnce);
  const prune = () => database.call("pruneFeeds", clock() - config.feedLifetimeMs, rowsAtOnce);

  return [
    { name: "read markers", run: inSlices(ifDue(announceReads), config.feedIntervalMs, 0) },
    { name: "room deletions", run: inSlices(ifDue(announceDeletions), config.feedIntervalMs, 0) },
    { name: "erasure", run: inSlices(ifDue(erase), config.eraseIntervalMs, breathMs) },
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
