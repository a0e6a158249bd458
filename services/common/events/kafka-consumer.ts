import type { Consumer, ConsumerGroupJoinEvent, Kafka } from "kafkajs";
import type { Logger } from "pino";
import { type Backoff, backoffMs, pause } from "../backoff.ts";
import { untilAborted } from "../until-aborted.ts";
import { type Assignment, createAssignment, type TopicDelivery } from "./kafka-assignment.ts";
import { type WithAdmin, within } from "./kafka-client.ts";
import { createGroupStart } from "./kafka-group-start.ts";

/**
 * This process's member of a consumer group, for all topics of the group.
 *
 * KafkaJS fetches and keeps the membership; what it fetches goes into queues at once (kafka-assignment.ts), so that a
 * handler that takes long, or waits for something that is down, keeps neither heartbeats nor other topics waiting. When a
 * queue is full its partitions are paused. Offsets are committed once a second, when the group changes, and at the end,
 * and never by KafkaJS itself, which would commit what is only fetched, and before each fetch.
 *
 * Groups are rebalanced as a whole: at each change everybody stops, and goes on from what is committed. Where the member
 * is lost (a broker away for long, an error that KafkaJS takes for final) a new one takes its place, for ever.
 */
export interface KafkaConsumer {
  /** Until the signal aborts; resolves when the handlers under way have ended and what they did is committed. */
  run(signal: AbortSignal): Promise<void>;
  /** What this process has of the group, while it is a member. */
  readonly assignment: Assignment | undefined;
}

export interface KafkaConsumerDeps {
  kafka: Kafka;
  admin: WithAdmin;
  /** The group's name in the cluster. */
  groupId: string;
  /** By the topics' names in the cluster. */
  deliveries: ReadonlyMap<string, TopicDelivery>;
  /** This process has other partitions than before, or has them anew. */
  assigned: () => void;
  logger: Logger;
}

/** A member that is silent for this long has left; brokers take 6 s or more. */
const sessionTimeoutMs = 10_000;
const heartbeatIntervalMs = 2_000;
/** An idle fetch lasts this long, in ms: heartbeats come in between. */
const maxWaitMs = 500;
const commitIntervalMs = 1_000;
const leaveTimeoutMs = 3_000;
const reconnect: Backoff = { firstMs: 200, capMs: 3_000 };

export function createKafkaConsumer(deps: KafkaConsumerDeps): KafkaConsumer {
  const { kafka, admin, groupId, deliveries, assigned, logger } = deps;
  const topics = [...deliveries.keys()];
  const start = createGroupStart({ admin, groupId, topics });
  let assignment: Assignment | undefined;
  let failures = 0;

  const join = () =>
    kafka.consumer({
      groupId,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: heartbeatIntervalMs,
      maxWaitTimeInMs: maxWaitMs,
      maxBytesPerPartition: 512 * 1024,
      maxBytes: 4 * 1024 * 1024,
      allowAutoTopicCreation: false,
      retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 5, restartOnFailure: async () => false },
    });

  const commit = async (consumer: Consumer, from: Assignment | undefined): Promise<void> => {
    const offsets = from?.takeHandled() ?? [];
    if (offsets.length === 0) return;
    try {
      await consumer.commitOffsets(offsets);
    } catch (err) {
      from?.putBack(offsets);
      logger.debug({ group: groupId, err }, "offsets are not committed yet");
    }
  };

  /** Gives up what this process had. */
  const release = async (): Promise<void> => {
    const last = assignment;
    assignment = undefined;
    await last?.revoke();
  };

  /** Nothing is fetched until it is known from where. */
  const take = async (consumer: Consumer, event: ConsumerGroupJoinEvent): Promise<void> => {
    consumer.pause(topics.map((topic) => ({ topic })));
    const releasing = release();
    const next = createAssignment(deliveries);
    assignment = next;
    await releasing;
    const mine = event.payload.memberAssignment;
    for (let attempt = 1; assignment === next; attempt++) {
      try {
        const positions = await start.positions(mine);
        if (assignment !== next) return;
        for (const position of positions) consumer.seek(position);
        next.open(positions);
        await commit(consumer, next);
        consumer.resume(topics.map((topic) => ({ topic })));
        failures = 0;
        logger.info({ group: groupId, partitions: mine }, "consuming");
        assigned();
        return;
      } catch (err) {
        logger.warn({ group: groupId, err }, "offsets of the group can't be read");
        await pause(backoffMs(attempt, reconnect), new AbortController().signal);
      }
    }
  };

  /** One member's life: ends by an error, or by the signal's reason. */
  const live = async (consumer: Consumer, signal: AbortSignal): Promise<never> => {
    const crashed = Promise.withResolvers<never>();
    consumer.on(consumer.events.CRASH, ({ payload }) => crashed.reject(payload.error));
    crashed.promise.catch(() => {});
    consumer.on(consumer.events.REBALANCING, () => {
      // Taken before the group is joined again: the brokers take it from the member that this one still is.
      void commit(consumer, assignment);
      void release();
    });
    consumer.on(consumer.events.GROUP_JOIN, (event) => void take(consumer, event));
    await start.prepare();
    await consumer.connect();
    await consumer.subscribe({ topics, fromBeginning: true });
    const timer = setInterval(() => void commit(consumer, assignment), commitIntervalMs);
    try {
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        // Batches only pass through, each of a partition: none waits for another's room.
        partitionsConsumedConcurrently: 64,
        async eachBatch({ batch, resolveOffset, isStale, pause: pausePartition }) {
          const current = assignment;
          if (isStale() || !current?.take(batch)) return;
          resolveOffset(batch.lastOffset());
          if (await current.room(batch.topic)) return;
          const resume = pausePartition();
          void untilRoom(current, batch.topic).then(resume);
        },
      });
      return await untilAborted(crashed.promise, signal);
    } finally {
      clearInterval(timer);
    }
  };

  /** Also when the assignment has ended: the partition may be this process's again. */
  const untilRoom = async (current: Assignment, topic: string): Promise<void> => {
    while (assignment === current && !(await current.room(topic)));
  };

  const leave = async (consumer: Consumer): Promise<void> => {
    // First what was under way, which may end well in spite of the abort.
    await assignment?.finish();
    await within(leaveTimeoutMs, commit(consumer, assignment));
    await release();
    await within(leaveTimeoutMs, consumer.disconnect());
  };

  return {
    get assignment() {
      return assignment;
    },
    async run(signal) {
      while (!signal.aborted) {
        const consumer = join();
        try {
          await live(consumer, signal);
        } catch (err) {
          failures += 1;
          if (!signal.aborted)
            logger.warn({ group: groupId, failures, err }, "left the group, joining again");
        }
        await leave(consumer).catch((err) => logger.debug({ group: groupId, err }, "left the group"));
        await pause(backoffMs(Math.max(1, failures), reconnect), signal);
      }
    },
  };
}
