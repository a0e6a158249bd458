import { toJson } from "@bufbuild/protobuf";
import type { Admin, Kafka, Message } from "kafkajs";
import type { Logger } from "pino";
import { createKafkaClient, createWithAdmin } from "./kafka-client.ts";
import type { KafkaConfig } from "./kafka-config.ts";
import { deadLetterHeader } from "./kafka-dead-letters.ts";
import { createKafkaPublisher } from "./kafka-publisher.ts";
import { readTopic } from "./kafka-reading.ts";
import { fromKafkaMessage, header, textOf } from "./kafka-records.ts";
import { deadLetterTopicName, type Topic } from "./topics.ts";

/** A record that a group could not process, and what became of it. */
export interface DeadLetter {
  /** RFC 3339: when it was given up. */
  readonly at: string;
  readonly group: string;
  readonly key: string;
  readonly number: number;
  readonly reason: string;
  /** Of the value, in bytes. */
  readonly size: number;
  /** Whether it went back to its topic since. */
  readonly replayed: boolean;
  /** What it tells, as Protobuf JSON; undefined if it can't be decoded. */
  payload(): unknown;
}

interface KeptLetter extends DeadLetter {
  readonly partition: number;
  readonly offset: bigint;
  readonly message: Message;
}

export interface ReplayDeps {
  config: KafkaConfig;
  logger: Logger;
}

/** The topic's dead letters, oldest first. */
export async function readDeadLetters(deps: ReplayDeps, topic: Topic): Promise<DeadLetter[]> {
  const kafka = createKafkaClient(deps.config, deps.logger);
  return readKept(kafka, deps.config.prefix, topic);
}

/**
 * Publishes the dead letters of a group that have not been replayed to their topic again, for that group alone. They
 * keep their time, so that what they hold is kept no longer. How far that came is the offset of a group that nobody is
 * in; a failure in between makes some come twice. Answers how many.
 */
export async function replayDeadLetters(
  { config, logger }: ReplayDeps,
  topic: Topic,
  group: string,
): Promise<number> {
  const { prefix } = config;
  const kafka = createKafkaClient(config, logger);
  const letters = (await readKept(kafka, prefix, topic)).filter(
    (letter) => letter.group === group && !letter.replayed,
  );
  if (letters.length === 0) return 0;
  const publisher = createKafkaPublisher({ kafka, logger });
  try {
    for (const { message } of letters)
      await publisher.publish(prefix + topic.name, [forGroup(message, group)]);
  } finally {
    await publisher.close(1_000);
  }
  const ends = new Map<number, bigint>();
  for (const { partition, offset } of letters) ends.set(partition, offset + 1n);
  await createWithAdmin(kafka)((admin) =>
    admin.setOffsets({
      groupId: replayGroup(prefix, group),
      topic: prefix + deadLetterTopicName(topic),
      partitions: Array.from(ends, ([partition, offset]) => ({ partition, offset: String(offset) })),
    }),
  );
  return letters.length;
}

/** Where a group is to go on. */
export type ReplayStart = { readonly time: number } | { readonly offset: string };

/** Sets where a group goes on with a topic, names as in the cluster. Error while the group has members. */
export async function rewindGroup(
  { config, logger }: ReplayDeps,
  topic: Topic,
  groupId: string,
  start: ReplayStart,
): Promise<{ partition: number; offset: string }[]> {
  const name = config.prefix + topic.name;
  return createWithAdmin(createKafkaClient(config, logger))(async (admin) => {
    const partitions = await positionsAt(admin, name, start);
    await admin.setOffsets({ groupId, topic: name, partitions });
    return partitions.toSorted((a, b) => a.partition - b.partition);
  });
}

/** An offset beyond a partition's ends is its nearest end. */
async function positionsAt(admin: Admin, topic: string, start: ReplayStart) {
  if ("time" in start) {
    const offsets = await admin.fetchTopicOffsetsByTimestamp(topic, start.time);
    return offsets.map(({ partition, offset }) => ({ partition, offset }));
  }
  const wanted = BigInt(start.offset);
  return (await admin.fetchTopicOffsets(topic)).map(({ partition, low, high }) => {
    const [first, last] = [BigInt(low), BigInt(high)];
    return { partition, offset: String(wanted < first ? first : wanted > last ? last : wanted) };
  });
}

/** Whose offsets tell what was replayed. */
function replayGroup(prefix: string, group: string): string {
  return `${prefix}parley.replayed.${group}`;
}

function forGroup({ headers = {}, ...message }: Message, group: string): Message {
  const own: ReadonlySet<string> = new Set(Object.values(deadLetterHeader));
  const kept = Object.entries(headers).filter(([name]) => !own.has(name));
  return { ...message, headers: { ...Object.fromEntries(kept), [header.onlyFor]: group } };
}

async function readKept(kafka: Kafka, prefix: string, topic: Topic): Promise<KeptLetter[]> {
  const name = prefix + deadLetterTopicName(topic);
  const letters: Omit<KeptLetter, "replayed">[] = [];
  await readTopic({ kafka, prefix, topic: name }, ({ partition, message }) => {
    const { headers, key, value, offset, timestamp } = message;
    letters.push({
      at: textOf(headers, deadLetterHeader.at) ?? "",
      group: textOf(headers, deadLetterHeader.group) ?? "",
      key: key?.toString() ?? "",
      number: Number(textOf(headers, header.number) ?? 0),
      reason: textOf(headers, deadLetterHeader.reason) ?? "",
      size: value?.length ?? 0,
      payload() {
        try {
          return toJson(topic.schema, fromKafkaMessage(topic, message).message);
        } catch {
          return undefined;
        }
      },
      partition,
      offset: BigInt(offset),
      message: { key, value, timestamp, ...(headers && { headers }) },
    });
  });
  const done = await replayedUpTo(kafka, prefix, name, new Set(letters.map(({ group }) => group)));
  return letters.map((letter) => ({
    ...letter,
    replayed: letter.offset < (done.get(`${letter.group}/${letter.partition}`) ?? 0n),
  }));
}

async function replayedUpTo(kafka: Kafka, prefix: string, topic: string, groups: ReadonlySet<string>) {
  const done = new Map<string, bigint>();
  await createWithAdmin(kafka)(async (admin) => {
    for (const group of groups) {
      const [found] = await admin.fetchOffsets({ groupId: replayGroup(prefix, group), topics: [topic] });
      for (const { partition, offset } of found?.partitions ?? [])
        done.set(`${group}/${partition}`, BigInt(offset));
    }
  });
  return done;
}
