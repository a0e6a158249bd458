import { setImmediate as nextTurn } from "node:timers/promises";
import { DeliveryStoppedError, type EventRecord } from "./event-log.ts";

/**
 * What one group still has to handle of one topic, in order. One batch is under way at a time; what is published
 * meanwhile gathers and goes together into the next, so batches grow with the load and nobody waits for a timer. A batch
 * begins after the publisher's own turn, never on its stack. How much waits is bounded by the publishers.
 */
export interface GroupQueue<R extends EventRecord> {
  /** Resolves when the records are handled; rejects with DeliveryStoppedError when they will not be. */
  push(records: readonly R[]): Promise<void>;
  /** Aborts the batch under way and waits for it; rejects all that waits. */
  stop(): Promise<void>;
  /** Records that wait, and those under way. */
  readonly length: number;
  /** Whether `stop` was called. */
  readonly stopped: boolean;
}

/** A batch takes as many publications as fit into this many records, or one that is larger. */
const recordsPerBatch = 1_024;

interface Publication<R extends EventRecord> {
  readonly records: readonly R[];
  resolve(): void;
  reject(error: unknown): void;
}

export interface GroupQueueOptions {
  /** When a batch begins: in the turn of the publication, which is the default, or in the next, with what comes till then. */
  begins?: "now" | "next turn";
}

export function createGroupQueue<R extends EventRecord>(
  deliver: (records: readonly R[], signal: AbortSignal) => Promise<void>,
  { begins = "now" }: GroupQueueOptions = {},
): GroupQueue<R> {
  const stopping = new AbortController();
  const { signal } = stopping;
  let waiting: Publication<R>[] = [];
  let draining: Promise<void> | undefined;
  let underWay = 0;

  const takeBatch = (): Publication<R>[] => {
    let size = 0;
    let count = 0;
    for (const { records } of waiting) {
      size += records.length;
      if (count > 0 && size > recordsPerBatch) break;
      count += 1;
    }
    if (count < waiting.length) return waiting.splice(0, count);
    const batch = waiting;
    waiting = [];
    return batch;
  };

  const drain = async (): Promise<void> => {
    await (begins === "now" ? undefined : nextTurn());
    while (waiting.length > 0) {
      const batch = takeBatch();
      const records = join(batch);
      underWay = records.length;
      try {
        await deliver(records, signal);
        for (const publication of batch) publication.resolve();
      } catch (error) {
        for (const publication of batch) publication.reject(error);
      }
    }
    underWay = 0;
    draining = undefined;
  };

  return {
    push(records) {
      if (signal.aborted) return Promise.reject(new DeliveryStoppedError());
      return new Promise((resolve, reject) => {
        waiting.push({ records, resolve, reject });
        draining ??= drain();
      });
    },
    get length() {
      return waiting.reduce((sum, { records }) => sum + records.length, underWay);
    },
    get stopped() {
      return signal.aborted;
    },
    async stop() {
      stopping.abort();
      for (const publication of waiting) publication.reject(new DeliveryStoppedError());
      waiting = [];
      await draining;
    },
  };
}

function join<R extends EventRecord>(batch: readonly Publication<R>[]): readonly R[] {
  return batch.length === 1 ? batch[0]!.records : batch.flatMap(({ records }) => records);
}
