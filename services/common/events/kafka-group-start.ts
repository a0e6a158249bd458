import type { TopicPartitionOffset } from "./kafka-assignment.ts";
import type { WithAdmin } from "./kafka-client.ts";

/**
 * From where a group goes on: from what it has committed. A group that is new to a topic begins at the topic's end as it
 * was when this process came to it, not as it is when the first fetch is made, so that nothing falls in between; a
 * partition that is new begins at its beginning.
 */
export interface GroupStart {
  /** Remembers the ends of topics that the group is new to. Before joining; once is enough. */
  prepare(): Promise<void>;
  /** Of the given partitions, by topic. */
  positions(partitions: Readonly<Record<string, readonly number[]>>): Promise<TopicPartitionOffset[]>;
}

const none = "-1";

export function createGroupStart(deps: { admin: WithAdmin; groupId: string; topics: string[] }): GroupStart {
  const { admin, groupId, topics } = deps;
  /** By topic and partition; only of topics that the group is new to. */
  let ends: Map<string, Map<number, string>> | undefined;

  return {
    async prepare() {
      ends ??= await admin(async (client) => {
        const found = new Map<string, Map<number, string>>();
        for (const { topic, partitions } of await client.fetchOffsets({ groupId, topics })) {
          if (partitions.some(({ offset }) => offset !== none)) continue;
          const offsets = await client.fetchTopicOffsets(topic);
          found.set(topic, new Map(offsets.map(({ partition, high }) => [partition, high])));
        }
        return found;
      });
    },
    positions: (assigned) =>
      admin(async (client) => {
        const positions: TopicPartitionOffset[] = [];
        const committed = await client.fetchOffsets({ groupId, topics: Object.keys(assigned) });
        for (const { topic, partitions } of committed) {
          const mine = partitions.filter(({ partition }) => assigned[topic]?.includes(partition));
          const lows = mine.some(({ offset }) => offset === none)
            ? await client.fetchTopicOffsets(topic)
            : [];
          for (const { partition, offset } of mine) {
            const low = lows.find((of) => of.partition === partition)?.low ?? "0";
            const begin = ends?.get(topic)?.get(partition) ?? low;
            positions.push({ topic, partition, offset: offset === none ? begin : offset });
          }
        }
        return positions;
      }),
  };
}
