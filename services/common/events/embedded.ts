import { once } from "node:events";
import type { DescMessage } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import type { Metrics } from "../metrics.ts";
import { DeliveryStoppedError, type EventLog, type EventRecord, type RecordHandler } from "./event-log.ts";
import { createEventLogMetrics } from "./event-log-metrics.ts";
import { createGroupDelivery, type DeadLetters, type RetryPolicy } from "./group-delivery.ts";
import { createGroupQueue, type GroupQueue } from "./group-queue.ts";
import type { Topic } from "./topics.ts";

/**
 * The event log of one process: records go to the handlers as the objects they are.
 *
 * It stores nothing. What makes it at least once are the outbox's rows, which are deleted only when `publish` has
 * resolved, which is when every group has handled the records. For that to hold across a restart, a group must not be
 * passed by while it isn't there: nothing is delivered before `run`, by when every service has subscribed, and
 * publishing to a group whose subscription was closed rejects. Of a topic that nobody has subscribed to there is nothing
 * to wait for, and publishing resolves.
 *
 * Dead letters are logged, with their reason, and kept no further: what they told still stands, under the same number,
 * in the tables of the service that published them.
 */
export interface EmbeddedEventLogDeps {
  logger: Logger;
  retry?: Partial<RetryPolicy>;
  metrics?: Metrics | undefined;
}

/** The queues of a topic's groups, by group name. */
type Groups = Map<string, GroupQueue<EventRecord>>;

export function createEmbeddedEventLog({ logger, retry, metrics }: EmbeddedEventLogDeps): EventLog {
  const topics = new Map<string, Groups>();
  const closing = new AbortController();
  /** What was published before `run`, to be handed on by it. */
  let early: (() => void)[] | undefined = [];
  let stopped: Promise<unknown> | undefined;

  const shown = createEventLogMetrics(metrics, function* () {
    for (const [topic, groups] of topics) {
      for (const [group, { length }] of groups) yield { topic, group, records: length };
    }
  });

  const bury = ({ topic, group, records, error }: DeadLetters) => {
    shown.buried(records.length);
    for (const { key, number } of records) {
      logger.error({ topic: topic.name, group, key, number: Number(number), err: error }, "dead letter");
    }
  };

  const dispatch = async (topic: Topic, records: readonly EventRecord[]): Promise<void> => {
    if (closing.signal.aborted) throw new DeliveryStoppedError();
    shown.published(records.length);
    const groups = topics.get(topic.name);
    if (groups === undefined || records.length === 0) return;
    const started = performance.now();
    await Promise.all(Array.from(groups.values(), (queue) => queue.push(records)));
    shown.answered(records.length, performance.now() - started);
  };

  const start = () => {
    const publications = early ?? [];
    early = undefined;
    for (const publish of publications) publish();
  };

  const stop = async (): Promise<void> => {
    closing.abort();
    start();
    const queues = [...topics.values()].flatMap((groups) => [...groups.values()]);
    stopped ??= Promise.all(queues.map((queue) => queue.stop()));
    await stopped;
  };

  return {
    publish(topic, records) {
      if (early === undefined) return dispatch(topic, records);
      const { promise, resolve } = Promise.withResolvers<void>();
      early.push(() => resolve(dispatch(topic, records)));
      return promise;
    },
    subscribe<D extends DescMessage>(topic: Topic<D>, group: string, handler: RecordHandler<D>) {
      const groups: Groups = topics.get(topic.name) ?? new Map();
      topics.set(topic.name, groups);
      if (groups.get(group)?.stopped === false)
        throw new Error(`${group} has subscribed to ${topic.name} already`);
      const queue = createGroupQueue(createGroupDelivery({ topic, group, handler, bury, logger, retry }));
      groups.set(group, queue);
      return { close: () => queue.stop() };
    },
    async run(signal) {
      const either = AbortSignal.any([signal, closing.signal]);
      start();
      if (!either.aborted) await once(either, "abort");
      await stop();
    },
    close: stop,
  };
}
