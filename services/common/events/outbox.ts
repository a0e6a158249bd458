import type { DescMessage } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import { backoffMs, pause } from "../backoff.ts";
import { forEverybody } from "../caller-gone.ts";
import type { Metrics } from "../metrics.ts";
import type { Tracer } from "../tracing.ts";
import type { EventLog, PublicHeaders, RecordOf } from "./event-log.ts";
import { showOutbox } from "./outbox-metrics.ts";
import type { OutboxStore, RenderOutboxRow } from "./outbox-rows.ts";
import { createOutboxSweeper } from "./outbox-sweeper.ts";
import { tracePublishing } from "./publish-trace.ts";
import type { Topic } from "./topics.ts";

export type { OutboxRow, OutboxStore, RenderOutboxRow } from "./outbox-rows.ts";

/**
 * The outbox: what was committed is announced, whatever happens after the commit.
 *
 * A row is written in the transaction of what it announces. After the commit the process that made it publishes at once
 * (`committed`), from what it has in memory. When the log has answered, the row is done for and is deleted along with
 * the next write of the service (`takePublished`), so that no commit is made for that alone, or by `run` when nothing is
 * written. Whatever stays, because the process died, the log failed or too much was under way, is found by its age and
 * published by the sweeper in `run`, one process at a time, rendered anew: what was erased in the meantime is not told.
 *
 * Ids are no position: rows are committed out of the order of their ids. A row is done when it is deleted, and each
 * sweep begins at the first row there is.
 *
 * Nothing is deleted before the log has answered for it, so everything is published at least once. Twice, or late,
 * happens: after a failure, after a crash, and when the lease changes hands.
 *
 * Memory is bounded: beyond `maxRecordsUnderWay` a commit's records are let go of and its rows left to the sweeper, which
 * publishes one batch after the other.
 */
export interface Outbox {
  /**
   * Publishes what was just committed. Called right after the commit, in the order of the commits; does not wait and
   * does not throw.
   */
  committed(entries: readonly OutboxEntry[]): void;
  /**
   * Rows that are published, to be deleted in the next transaction; each is handed out once. If that transaction fails
   * the sweeper finds them, and they are published once more.
   */
  takePublished(limit?: number): number[];
  /** Deletes and sweeps until the signal aborts or the outbox is closed. Called once. */
  run(signal: AbortSignal): Promise<void>;
  /**
   * Ends `run`, waits a few seconds for what is under way and deletes what is published. Called when nothing is
   * committed any more, before the database and the log close; what is left is for the next start.
   */
  close(): Promise<void>;
}

/** What a transaction announced on one topic. One entry for all of a topic's rows costs the least. */
export interface OutboxEntry<D extends DescMessage = DescMessage> {
  /** Its rows. */
  readonly ids: readonly number[];
  readonly topic: Topic<D>;
  /** What the rows announce, in order within each key. */
  readonly records: readonly RecordOf<D>[];
}

export interface OutboxDeps {
  store: OutboxStore;
  log: Pick<EventLog, "publish">;
  render: RenderOutboxRow;
  logger: Logger;
  /** Now, in ms: what rows are stamped by. */
  clock?: () => number;
  settings?: Partial<OutboxSettings>;
  /** On everything that is published. */
  headers?: PublicHeaders | undefined;
  /** Whose outbox it is, for metrics. */
  service?: string;
  metrics?: Metrics | undefined;
  tracer?: Tracer | undefined;
}

export interface OutboxSettings {
  /** Between two rounds of `run`, about, in ms. */
  intervalMs: number;
  /** A younger row is still being published by who committed it, in ms. */
  graceMs: number;
  /** How many records are held in memory until the log has answered. */
  maxRecordsUnderWay: number;
  /** How long `close` waits for the log, in ms. */
  drainMs: number;
}

const defaults: OutboxSettings = {
  intervalMs: 1_000,
  graceMs: 3_000,
  maxRecordsUnderWay: 10_000,
  drainMs: 3_000,
};
const lastRetryMs = 10_000;
const idsPerDelete = 500;

export function createOutbox(deps: OutboxDeps): Outbox {
  const { store, log, logger, clock = Date.now } = deps;
  const settings = { ...defaults, ...deps.settings };
  /** Rows that this process publishes or has published, until someone else has to delete them. */
  const held = new Set<number>();
  const underWay = new Set<Promise<void>>();
  const closing = new AbortController();
  const sweeper = createOutboxSweeper({
    ...deps,
    clock,
    graceMs: settings.graceMs,
    isHeld: (id) => held.has(id),
  });
  let recordsUnderWay = 0;
  let published: number[] = [];
  let takenSinceRound = false;
  let leavingToSweeper = false;
  let rounds: Promise<unknown> | undefined;

  showOutbox(deps.metrics, deps.service ?? "", {
    underWay: () => recordsUnderWay,
    held: () => held.size,
    left: () => Number(leavingToSweeper),
    swept: () => sweeper.rows,
  });

  const noteFate = (left: boolean, details: object) => {
    if (left === leavingToSweeper) return;
    leavingToSweeper = left;
    if (left) logger.warn(details, "publishing is held up, rows are left to the sweeper");
    else logger.info(details, "publishing again");
  };

  const publish = async ({ ids, topic, records }: OutboxEntry): Promise<void> => {
    recordsUnderWay += records.length;
    for (const id of ids) held.add(id);
    const traced = deps.tracer && tracePublishing(deps.tracer, topic, records);
    try {
      await log.publish(topic, traced?.records ?? records, deps.headers);
      for (const id of ids) published.push(id);
      noteFate(false, { topic: topic.name });
    } catch (err) {
      for (const id of ids) held.delete(id);
      noteFate(true, { topic: topic.name, err });
    }
    traced?.ended();
    recordsUnderWay -= records.length;
  };

  const takePublished = (limit: number): number[] => {
    takenSinceRound = true;
    if (published.length === 0) return [];
    const ids = published.length <= limit ? published : published.slice(0, limit);
    published = ids === published ? [] : published.slice(limit);
    for (const id of ids) held.delete(id);
    return ids;
  };

  /** The rows stay held until they are gone. */
  const deletePublished = async (): Promise<void> => {
    while (published.length > 0) {
      const ids = published.splice(0, idsPerDelete);
      try {
        await store.delete(ids);
      } catch (error) {
        published.unshift(...ids);
        throw error;
      }
      for (const id of ids) held.delete(id);
    }
  };

  const deleteWhenIdle = async (): Promise<void> => {
    if (!takenSinceRound) await deletePublished();
    takenSinceRound = false;
  };

  /** Does something about every interval; pauses longer while it fails. */
  const repeat = async (task: string, work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal) => {
    for (let failures = 0; !signal.aborted; ) {
      try {
        await work(signal);
        failures = 0;
      } catch (err) {
        if (signal.aborted) return;
        failures += 1;
        logger.warn({ task, failures, err }, "outbox round failed");
      }
      const { intervalMs } = settings;
      await pause(backoffMs(failures + 1, { firstMs: intervalMs, capMs: lastRetryMs }), signal);
    }
  };

  return {
    committed(entries) {
      for (const entry of entries) {
        const full =
          recordsUnderWay > 0 && recordsUnderWay + entry.records.length > settings.maxRecordsUnderWay;
        if (full || closing.signal.aborted) {
          noteFate(true, { topic: entry.topic.name, recordsUnderWay });
          continue;
        }
        const publishing = forEverybody(() => publish(entry)).finally(() => underWay.delete(publishing));
        underWay.add(publishing);
      }
    },
    takePublished: (limit = idsPerDelete) => takePublished(limit),
    async run(signal) {
      const either = AbortSignal.any([signal, closing.signal]);
      // Apart, because a sweep may wait long for the log.
      rounds = Promise.all([
        repeat("delete", deleteWhenIdle, either),
        repeat("sweep", (stopped) => sweeper.sweep(stopped), either),
      ]);
      await rounds;
    },
    async close() {
      closing.abort();
      const drained = new AbortController();
      const drain = Promise.all([rounds, ...underWay]).finally(() => drained.abort());
      await Promise.race([drain, pause(settings.drainMs, drained.signal)]);
      await deletePublished().catch((err) => logger.warn({ err }, "published rows are left in the outbox"));
    },
  };
}
