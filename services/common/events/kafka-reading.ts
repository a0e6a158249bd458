import { randomBytes } from "node:crypto";
import type { Batch, Kafka } from "kafkajs";
import type { RawRecord } from "./kafka-assignment.ts";
import { createWithAdmin, within } from "./kafka-client.ts";

/** What is read now and then, by a command and not by a service. */
export interface TopicReading {
  kafka: Kafka;
  prefix: string;
  /** In the cluster. */
  topic: string;
  /** By partition; what is absent begins at the beginning. */
  from?: ReadonlyMap<number, bigint>;
}

const silenceMs = 30_000;

/** Reads a topic up to where it ends now, partition by partition in order, by a group that is gone afterwards. */
export async function readTopic(
  { kafka, prefix, topic, from = new Map() }: TopicReading,
  each: (record: RawRecord) => void,
): Promise<void> {
  const admin = createWithAdmin(kafka);
  const missing = new Map<number, bigint>();
  for (const { partition, low, high } of await admin((client) => client.fetchTopicOffsets(topic))) {
    const begin = from.get(partition) ?? 0n;
    if (BigInt(high) > BigInt(low) && BigInt(high) > begin) missing.set(partition, BigInt(high));
  }
  if (missing.size === 0) return;
  const groupId = `${prefix}parley.events.${randomBytes(6).toString("hex")}`;
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100, allowAutoTopicCreation: false });
  const done = Promise.withResolvers<boolean>();
  let silence: NodeJS.Timeout | undefined;
  const heard = () => {
    clearTimeout(silence);
    silence = setTimeout(() => done.reject(new Error(`${topic} can't be read to its end`)), silenceMs);
  };
  const take = (batch: Batch) => {
    heard();
    const { partition, messages } = batch;
    const end = missing.get(partition);
    if (end === undefined) return;
    for (const message of messages) {
      const offset = BigInt(message.offset);
      if (offset < end && offset >= (from.get(partition) ?? 0n)) each({ partition, message });
    }
    if (BigInt(batch.lastOffset()) + 1n >= end) missing.delete(partition);
    if (missing.size === 0) done.resolve(true);
  };
  try {
    heard();
    consumer.on(consumer.events.CRASH, ({ payload }) => done.reject(payload.error));
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({ autoCommit: false, eachBatch: async ({ batch }) => take(batch) });
    for (const [partition, offset] of from) consumer.seek({ topic, partition, offset: String(offset) });
    await done.promise;
  } finally {
    clearTimeout(silence);
    await within(
      3_000,
      consumer.disconnect().catch(() => {}),
    );
    await admin((client) => client.deleteGroups([groupId])).catch(() => {});
  }
}
