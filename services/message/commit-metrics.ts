import { durationBuckets, type Metrics } from "../common/metrics.ts";
import type { Op, OpResult } from "./types.ts";

export interface CommitMeasure {
  /** A batch, handed to the database at `started`, was answered; without results it failed. */
  ended(batch: readonly { op: Op }[], started: number, results: readonly OpResult[] | undefined): void;
}

const sizeBuckets = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/** Once for each batch, whatever is in it. */
export function measureCommits(metrics: Metrics, queue: { waiting: () => number }): CommitMeasure {
  let failed = 0;
  /** By what they were and what became of them. */
  const writes: Partial<Record<Op[0], Partial<Record<OpResult[0], number>>>> = {};
  metrics.gauge({
    name: "parley_timeline_queue_length",
    help: "Writes to timelines that wait for a batch.",
    read: queue.waiting,
  });
  metrics.counter({
    name: "parley_timeline_writes_total",
    help: "Writes to timelines that were answered: done made an event, replayed had made it before.",
    *read() {
      for (const [op, outcomes] of Object.entries(writes)) {
        for (const [outcome, value] of Object.entries(outcomes)) yield { labels: { op, outcome }, value };
      }
    },
  });
  metrics.counter({
    name: "parley_commit_failures_total",
    help: "Batches of writes that failed as a whole.",
    read: () => failed,
  });
  const sizes = metrics.histogram({
    name: "parley_commit_batch_size",
    help: "Writes in a batch.",
    buckets: sizeBuckets,
  });
  const seconds = metrics.histogram({
    name: "parley_commit_duration_seconds",
    help: "From when a batch was handed to the database until it was durable, the batches before it included.",
    buckets: durationBuckets,
  });
  return {
    ended(batch, started, results) {
      if (results === undefined) {
        failed += 1;
        return;
      }
      sizes.observe(batch.length);
      seconds.observe((performance.now() - started) / 1000);
      for (const [index, [outcome]] of results.entries()) {
        const [op] = batch[index]!.op;
        const outcomes = writes[op] ?? {};
        writes[op] = outcomes;
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      }
    },
  };
}
