import type { DescMessage } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import { type Backoff, backoffMs, pause } from "../backoff.ts";
import {
  DeliveryStoppedError,
  type EventRecord,
  type RecordHandler,
  type RecordOf,
  UnprocessableRecordError,
} from "./event-log.ts";
import { isOutage } from "./outage.ts";
import type { Topic } from "./topics.ts";

/**
 * Gives a batch to a group's handler until each record is handled or is a dead letter: the rules of RecordHandler, the
 * same for every realisation of the log. Rejects with DeliveryStoppedError when the signal aborted before that.
 */
export type GroupDelivery<D extends DescMessage> = (
  records: readonly RecordOf<D>[],
  signal: AbortSignal,
) => Promise<void>;

/** Records that a group could not process. */
export interface DeadLetters {
  readonly topic: Topic;
  readonly group: string;
  readonly records: readonly EventRecord[];
  /** What the handler threw. */
  readonly error: unknown;
}

export interface GroupDeliveryDeps<D extends DescMessage> {
  topic: Topic<D>;
  group: string;
  handler: RecordHandler<D>;
  /** Keeps dead letters. Tries until it succeeds; rejects only when the signal aborts. */
  bury: (letters: DeadLetters, signal: AbortSignal) => Promise<void> | void;
  logger: Logger;
  retry?: Partial<RetryPolicy>;
}

export interface RetryPolicy extends Backoff {
  /** How often a batch, and then a record alone, is tried when its failure is no outage. */
  readonly attempts: number;
}

const defaultRetry: RetryPolicy = { firstMs: 50, capMs: 5_000, attempts: 5 };

export function createGroupDelivery<D extends DescMessage>(deps: GroupDeliveryDeps<D>): GroupDelivery<D> {
  const { topic, group, handler, bury, logger } = deps;
  const retry = { ...defaultRetry, ...deps.retry };

  /** Answers what the handler threw. */
  const attempt = async (
    records: readonly RecordOf<D>[],
    signal: AbortSignal,
  ): Promise<Failure | undefined> => {
    if (signal.aborted) throw new DeliveryStoppedError();
    try {
      await handler(records, signal);
      return undefined;
    } catch (error) {
      if (signal.aborted) throw new DeliveryStoppedError();
      return { error };
    }
  };

  const deliver: GroupDelivery<D> = async (records, signal) => {
    let rest = records;
    let failures = 0;
    let faults = 0;
    while (rest.length > 0) {
      const failure = await attempt(rest, signal);
      if (failure === undefined) return;
      const { error } = failure;
      const refused = refusedBy(error);
      const left = rest.filter((record) => !refused.has(record));
      if (left.length < rest.length) {
        await bury({ topic, group, records: rest.filter((record) => refused.has(record)), error }, signal);
        rest = left;
        continue;
      }
      failures += 1;
      if (!isOutage(error)) faults += 1;
      if (faults === retry.attempts) {
        if (rest.length === 1) return bury({ topic, group, records: rest, error }, signal);
        for (const record of rest) await deliver([record], signal);
        return;
      }
      const waitMs = backoffMs(failures, retry);
      logger.warn(
        { topic: topic.name, group, records: rest.length, failures, waitMs, err: error },
        "handler failed",
      );
      await pause(waitMs, signal);
    }
  };
  return deliver;
}

interface Failure {
  readonly error: unknown;
}

/** The records that the error names; none if it is another error. */
function refusedBy(error: unknown): ReadonlySet<EventRecord> {
  return new Set(error instanceof UnprocessableRecordError ? error.records : []);
}
