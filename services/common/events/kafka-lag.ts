import type { Admin } from "kafkajs";
import type { Assignment } from "./kafka-assignment.ts";

/** Records that each group has not handled of the partitions that this process has, by group and topic. */
export async function groupLag(
  admin: Admin,
  prefix: string,
  groups: readonly (readonly [string, Assignment | undefined])[],
): Promise<Map<string, Map<string, number>>> {
  const ends = new Map<string, Map<number, bigint>>();
  const lags = new Map<string, Map<string, number>>();
  for (const [group, assignment] of groups) {
    const ofGroup = new Map<string, number>();
    for (const { topic, partition, offset } of assignment?.positions() ?? []) {
      const ofTopic = ends.get(topic) ?? (await endsOf(admin, topic));
      ends.set(topic, ofTopic);
      const behind = Number((ofTopic.get(partition) ?? 0n) - BigInt(offset));
      const name = topic.slice(prefix.length);
      ofGroup.set(name, (ofGroup.get(name) ?? 0) + Math.max(0, behind));
    }
    lags.set(group, ofGroup);
  }
  return lags;
}

async function endsOf(admin: Admin, topic: string): Promise<Map<number, bigint>> {
  const offsets = await admin.fetchTopicOffsets(topic);
  return new Map(offsets.map(({ partition, high }) => [partition, BigInt(high)]));
}
