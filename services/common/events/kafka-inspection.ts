import type { Admin } from "kafkajs";
import type { Logger } from "pino";
import { createKafkaClient, createWithAdmin } from "./kafka-client.ts";
import type { KafkaConfig } from "./kafka-config.ts";
import { allTopics, deadLetterTopicName } from "./topics.ts";

/** A topic, who reads it, and what nobody could process. */
export interface TopicReport {
  readonly topic: string;
  readonly partitions: number;
  /** What the cluster holds of it. */
  readonly records: number;
  /** Those in its dead-letter topic, replayed ones included. */
  readonly deadLetters: number;
  readonly groups: readonly GroupReport[];
}

export interface GroupReport {
  readonly group: string;
  /** As Kafka calls it: Stable, Empty, PreparingRebalance and the like. */
  readonly state: string;
  readonly members: number;
  /** Records that it has not handled. */
  readonly lag: number;
}

/** Names are those in the cluster. Groups are all that have ever committed something of the topic. */
export function inspectTopics(config: KafkaConfig, logger: Logger): Promise<TopicReport[]> {
  const { prefix } = config;
  return createWithAdmin(createKafkaClient(config, logger))(async (admin) => {
    const { groups } = await admin.listGroups();
    const ids = groups
      .map(({ groupId }) => groupId)
      .filter((id) => !id.startsWith(`${prefix}parley.replayed.`));
    const described = ids.length === 0 ? [] : (await admin.describeGroups(ids)).groups;
    const reports: TopicReport[] = [];
    for (const topic of allTopics) {
      const name = prefix + topic.name;
      const offsets = await admin.fetchTopicOffsets(name);
      const dead = await admin.fetchTopicOffsets(prefix + deadLetterTopicName(topic));
      const ends = new Map(offsets.map(({ partition, high }) => [partition, Number(high)]));
      const ofTopic: GroupReport[] = [];
      for (const { groupId, state, members } of described) {
        const lag = await lagOf(admin, groupId, name, ends);
        if (lag !== undefined) ofTopic.push({ group: groupId, state, members: members.length, lag });
      }
      reports.push({
        topic: name,
        partitions: offsets.length,
        records: count(offsets),
        deadLetters: count(dead),
        groups: ofTopic,
      });
    }
    return reports;
  });
}

async function lagOf(admin: Admin, groupId: string, topic: string, ends: ReadonlyMap<number, number>) {
  const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
  const committed = found?.partitions.filter(({ offset }) => Number(offset) >= 0) ?? [];
  if (committed.length === 0) return undefined;
  return committed.reduce(
    (sum, { partition, offset }) => sum + Math.max(0, (ends.get(partition) ?? 0) - Number(offset)),
    0,
  );
}

function count(offsets: readonly { low: string; high: string }[]): number {
  return offsets.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0);
}
