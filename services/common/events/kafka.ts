import { once } from "node:events";
import type { DescMessage } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import { pause } from "../backoff.ts";
import { UnavailableError } from "../errors.ts";
import type { Metrics } from "../metrics.ts";
import {
  DeliveryStoppedError,
  type EventLog,
  type RecordHandler,
  type RecordOf,
  type SubscriptionOptions,
} from "./event-log.ts";
import { createEventLogMetrics } from "./event-log-metrics.ts";
import { createGroupDelivery, type DeadLetters, type RetryPolicy } from "./group-delivery.ts";
import { createGroupQueue, type GroupQueue } from "./group-queue.ts";
import type { FetchedRecord, RawRecord, TopicDelivery } from "./kafka-assignment.ts";
import { createKafkaClient, createWithAdmin } from "./kafka-client.ts";
import type { KafkaConfig } from "./kafka-config.ts";
import { createKafkaConsumer, type KafkaConsumer } from "./kafka-consumer.ts";
import { keepDeadLetters, toDeadLetter } from "./kafka-dead-letters.ts";
import { groupLag } from "./kafka-lag.ts";
import { createKafkaPublisher } from "./kafka-publisher.ts";
import { header, textOf, toKafkaMessages } from "./kafka-records.ts";
import { deadLetterTopicName, type Topic } from "./topics.ts";

/**
 * The event log on a Kafka cluster. `publish` resolves when all in-sync replicas have the records. Each group that
 * somebody in this process has subscribed under is one consumer, which has part of the group's partitions.
 *
 * What a group can't process goes to `<topic>.dead`, with the reason, and waits there for `parley events`.
 */
export interface KafkaEventLogDeps {
  config: KafkaConfig;
  logger: Logger;
  retry?: Partial<RetryPolicy>;
  metrics?: Metrics | undefined;
  /** How long a publication may take, in ms. */
  publishTimeoutMs?: number;
}

/** What a group does in this process. */
interface Group {
  readonly deliveries: Map<string, TopicDelivery>;
  readonly rebalanced: Set<() => void>;
  readonly queues: Map<string, GroupQueue<FetchedRecord>>;
  consumer?: KafkaConsumer;
}

const lagIntervalMs = 10_000;
const publishGraceMs = 2_000;

/** A group's name in the cluster. */
function groupIdOf(prefix: string, group: string): string {
  return `${prefix}parley.${group}`;
}

export function createKafkaEventLog(deps: KafkaEventLogDeps): EventLog {
  const { config, logger, retry, metrics } = deps;
  const kafka = createKafkaClient(config, logger);
  const admin = createWithAdmin(kafka);
  const groups = new Map<string, Group>();
  const closing = new AbortController();
  let ended: Promise<unknown> | undefined;
  /** Records behind, by group and topic, as last asked for. */
  let lags = new Map<string, Map<string, number>>();

  const shown = createEventLogMetrics(metrics, function* () {
    for (const [group, { queues }] of groups) {
      for (const [topic, { length }] of queues)
        yield { topic, group, records: Math.max(length, lags.get(group)?.get(topic) ?? 0) };
    }
  });
  const publisher = createKafkaPublisher({
    kafka,
    logger,
    answered: shown.answered,
    ...(deps.publishTimeoutMs && { timeoutMs: deps.publishTimeoutMs }),
  });
  const nameOf = (topic: Topic) => config.prefix + topic.name;

  function groupOf(name: string): Group {
    const group = groups.get(name) ?? { deliveries: new Map(), rebalanced: new Set(), queues: new Map() };
    groups.set(name, group);
    return group;
  }

  function deliveryOf<D extends DescMessage>(
    topic: Topic<D>,
    group: string,
    handler: RecordHandler<D>,
    encoded: boolean,
  ): TopicDelivery {
    const keep = async (raw: readonly RawRecord[], error: unknown, signal: AbortSignal) => {
      const letters = raw.map((record) => toDeadLetter(record, group, error));
      await keepDeadLetters(
        { publisher, logger },
        config.prefix + deadLetterTopicName(topic),
        letters,
        signal,
      );
      shown.buried(raw.length);
      for (const { partition, message } of raw) {
        const { key, offset, headers } = message;
        const number = Number(textOf(headers, header.number));
        const place = { key: key?.toString(), number, partition, offset };
        logger.error({ topic: topic.name, group, ...place, err: error }, "dead letter");
      }
    };
    const bury = ({ records, error }: DeadLetters, signal: AbortSignal) =>
      keep(
        records.map((record) => (record as FetchedRecord).raw),
        error,
        signal,
      );
    return {
      topic,
      group,
      name: nameOf(topic),
      encoded,
      openQueue() {
        const delivery = createGroupDelivery({ topic, group, handler, bury, logger, retry });
        // A fetch brings batches of many partitions, one by one in the same turn.
        const queue = createGroupQueue<RecordOf<D> & FetchedRecord>(delivery, { begins: "next turn" });
        groups.get(group)?.queues.set(topic.name, queue as GroupQueue<FetchedRecord>);
        return queue as GroupQueue<FetchedRecord>;
      },
      buryUnreadable: keep,
    };
  }

  async function watchLag(signal: AbortSignal): Promise<void> {
    while (metrics && !signal.aborted) {
      const consumers = Array.from(groups, ([name, { consumer }]) => [name, consumer?.assignment] as const);
      lags = await admin((client) => groupLag(client, config.prefix, consumers)).catch(() => lags);
      await pause(lagIntervalMs, signal);
    }
  }

  return {
    async publish(topic, records, headers) {
      if (closing.signal.aborted) throw new DeliveryStoppedError();
      shown.published(records.length);
      await publisher.publish(nameOf(topic), toKafkaMessages(topic, records, headers));
    },
    subscribe(topic, name, handler, options: SubscriptionOptions = {}) {
      const group = groupOf(name);
      if (group.consumer) throw new Error(`${name} subscribes to ${topic.name} after delivery has begun`);
      if (group.deliveries.has(nameOf(topic)))
        throw new Error(`${name} has subscribed to ${topic.name} already`);
      const stop = new AbortController();
      const ends = async (records: Parameters<typeof handler>[0], signal: AbortSignal) => {
        // Waits for the group's next start, as for something that is down.
        if (stop.signal.aborted) throw new UnavailableError("the subscription is closed");
        underWay = Promise.resolve(handler(records, AbortSignal.any([signal, stop.signal])));
        await underWay;
      };
      let underWay: Promise<void> = Promise.resolve();
      group.deliveries.set(nameOf(topic), deliveryOf(topic, name, ends, options.encoded === true));
      if (options.rebalanced) group.rebalanced.add(options.rebalanced);
      return {
        async close() {
          stop.abort();
          await underWay.catch(() => {});
        },
      };
    },
    async run(signal) {
      const either = AbortSignal.any([signal, closing.signal]);
      const work = Array.from(groups, ([name, group]) => {
        group.consumer = createKafkaConsumer({
          kafka,
          admin,
          groupId: groupIdOf(config.prefix, name),
          deliveries: group.deliveries,
          assigned: () => {
            for (const tell of group.rebalanced) tell();
          },
          logger,
        });
        return group.consumer.run(either);
      });
      ended = Promise.all([...work, watchLag(either)]);
      if (!either.aborted) await once(either, "abort");
      await ended;
    },
    async close() {
      closing.abort();
      await ended;
      await publisher.close(publishGraceMs);
    },
  };
}
