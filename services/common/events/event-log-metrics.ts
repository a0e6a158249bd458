import type { Sample } from "../metrics/text.ts";
import { durationBuckets, type Histogram, type Metrics } from "../metrics.ts";

/** What every event log counts and measures. */
export interface EventLogMetrics {
  published(records: number): void;
  buried(records: number): void;
  /** One publication: how many records, and how long until the log answered, in ms. */
  answered(records: number, ms: number): void;
}

const batchSizes = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000];

/** `waiting` tells, for each topic and group, the records that it has not handled. */
export function createEventLogMetrics(
  metrics: Metrics | undefined,
  waiting: () => Iterable<{ topic: string; group: string; records: number }>,
): EventLogMetrics {
  let published = 0;
  let buried = 0;
  metrics?.counter({
    name: "parley_event_log_records_total",
    help: "Records that were published to the event log.",
    read: () => published,
  });
  metrics?.counter({
    name: "parley_event_log_dead_letters_total",
    help: "Records that a group could not process.",
    read: () => buried,
  });
  metrics?.gauge({
    name: "parley_event_log_group_length",
    help: "Records that a group of consumers has not handled.",
    *read(): Iterable<Sample> {
      for (const { topic, group, records } of waiting()) yield { labels: { topic, group }, value: records };
    },
  });
  const sizes: Histogram | undefined = metrics?.histogram({
    name: "parley_event_log_batch_size",
    help: "Records that were handed to the event log together.",
    buckets: batchSizes,
  });
  const durations = metrics?.histogram({
    name: "parley_event_log_publish_seconds",
    help: "From handing records to the event log to its answer.",
    buckets: durationBuckets,
  });
  return {
    published(records) {
      published += records;
    },
    buried(records) {
      buried += records;
    },
    answered(records, ms) {
      sizes?.observe(records);
      durations?.observe(ms / 1000);
    },
  };
}
