import { setTimeout } from "node:timers/promises";
import type { Admin, ITopicMetadata } from "kafkajs";
import type { Logger } from "pino";
import { createKafkaClient, createWithAdmin, type WithAdmin } from "./kafka-client.ts";
import type { KafkaConfig, TopicSettings } from "./kafka-config.ts";
import { kafkajs } from "./kafka-library.ts";
import { allTopics, deadLetterTopicName } from "./topics.ts";

const leaderTimeoutMs = 20_000;

/** What a topic should be, or is. */
interface TopicShape extends TopicSettings {
  readonly name: string;
}

/** How a topic stands in the cluster. */
export interface TopicState {
  readonly name: string;
  readonly exists: boolean;
  readonly partitions: number;
  /** What is not as configured; nothing of it is ever changed by Parley. */
  readonly problems: readonly string[];
}

/** The topics that Parley needs. */
function topicShapes({ prefix, topics }: Pick<KafkaConfig, "prefix" | "topics">): TopicShape[] {
  return allTopics.flatMap((topic) => [
    { ...topics, name: prefix + topic.name },
    // Few, and in no order.
    { ...topics, name: prefix + deadLetterTopicName(topic), partitions: 1 },
  ]);
}

/** Compares the cluster's topics with the configuration. Throws what the client library throws. */
export function checkTopics(config: KafkaConfig, logger: Logger): Promise<TopicState[]> {
  return adminOf(config, logger)((admin) => examine(admin, topicShapes(config)));
}

/** Makes the topics that are missing; answers how all of them stood before and the names of those that it made. */
export function createTopics(
  config: KafkaConfig,
  logger: Logger,
): Promise<{ states: TopicState[]; created: string[] }> {
  return adminOf(
    config,
    logger,
  )(async (admin) => {
    const states = await examine(admin, topicShapes(config));
    const missing = topicShapes(config).filter(({ name }) =>
      states.some((state) => state.name === name && !state.exists),
    );
    if (missing.length > 0) {
      await admin.createTopics({
        timeout: 10_000,
        waitForLeaders: false,
        topics: missing.map(({ name, partitions, replication, minInSyncReplicas, retentionMs }) => ({
          topic: name,
          numPartitions: partitions,
          replicationFactor: replication,
          configEntries: [
            { name: "cleanup.policy", value: "delete" },
            { name: "retention.ms", value: String(retentionMs) },
            { name: "min.insync.replicas", value: String(minInSyncReplicas) },
          ],
        })),
      });
      await untilLed(
        admin,
        missing.map(({ name }) => name),
      );
    }
    return { states, created: missing.map(({ name }) => name) };
  });
}

/** New topics take a moment until every broker knows them; KafkaJS' own wait takes that for an error. */
async function untilLed(admin: Admin, names: string[]): Promise<void> {
  const deadline = Date.now() + leaderTimeoutMs;
  for (;;) {
    const { topics } = await admin.fetchTopicMetadata({ topics: names }).catch((error) => {
      if (Date.now() > deadline) throw error;
      return { topics: [] };
    });
    const led = topics.filter(({ partitions }) => partitions.every(({ leader }) => leader >= 0));
    if (led.length === names.length || Date.now() > deadline) return;
    await setTimeout(100);
  }
}

function adminOf(config: KafkaConfig, logger: Logger): WithAdmin {
  return createWithAdmin(createKafkaClient(config, logger));
}

async function examine(admin: Admin, shapes: readonly TopicShape[]): Promise<TopicState[]> {
  const existing = new Set(await admin.listTopics());
  const there = shapes.filter(({ name }) => existing.has(name));
  if (there.length === 0)
    return shapes.map(({ name }) => ({ name, exists: false, partitions: 0, problems: [] }));
  const { topics } = await admin.fetchTopicMetadata({ topics: there.map(({ name }) => name) });
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: there.map(({ name }) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name })),
  });
  return shapes.map((shape) => {
    const metadata = topics.find(({ name }) => name === shape.name);
    if (metadata === undefined) return { name: shape.name, exists: false, partitions: 0, problems: [] };
    const entries = resources.find(({ resourceName }) => resourceName === shape.name)?.configEntries ?? [];
    const settings = new Map(entries.map(({ configName, configValue }) => [configName, configValue]));
    const problems = [...problemsOf(shape, metadata), ...settingProblems(shape, settings)];
    return { name: shape.name, exists: true, partitions: metadata.partitions.length, problems };
  });
}

/** More than configured is no fault: keys are spread over all that there are. */
function problemsOf(shape: TopicShape, { partitions }: ITopicMetadata): string[] {
  const problems = [];
  if (partitions.length < shape.partitions)
    problems.push(`has ${partitions.length} partitions, PARLEY_KAFKA_PARTITIONS is ${shape.partitions}`);
  const replication = Math.min(...partitions.map(({ replicas }) => replicas.length));
  if (replication < shape.replication)
    problems.push(`has ${replication} replicas, PARLEY_KAFKA_REPLICATION is ${shape.replication}`);
  return problems;
}

function settingProblems(shape: TopicShape, settings: ReadonlyMap<string, string>): string[] {
  const wanted = [
    ["cleanup.policy", "delete", "it should be"],
    ["retention.ms", String(shape.retentionMs), "PARLEY_KAFKA_RETENTION is"],
    ["min.insync.replicas", String(shape.minInSyncReplicas), "PARLEY_KAFKA_MIN_ISR is"],
  ] as const;
  return wanted
    .filter(([name, value]) => settings.has(name) && settings.get(name) !== value)
    .map(([name, value, should]) => `has ${name}=${settings.get(name)}, ${should} ${value}`);
}
