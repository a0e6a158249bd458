import { randomBytes } from "node:crypto";
import type { KafkaConfig } from "../../services/common/events/kafka-config.ts";
import { createTopics } from "../../services/common/events/kafka-topics.ts";
import { createLogger } from "../../services/common/logger.ts";

/** Topics and groups of a test are its own by a prefix, on a cluster that it shares with others. */
export function newPrefix(): string {
  return `test-${randomBytes(6).toString("hex")}.`;
}

/** A configuration with a prefix of its own. */
export function kafkaConfig(url: string, changes: Partial<KafkaConfig> = {}): KafkaConfig {
  return {
    kind: "kafka",
    brokers: url.replace(/^kafkas?:\/\//, "").split(","),
    tls: undefined,
    sasl: undefined,
    prefix: newPrefix(),
    topics: { partitions: 3, replication: 1, minInSyncReplicas: 1, retentionMs: 86_400_000 },
    ...changes,
  };
}

/** The same, and its topics are there. */
export async function preparedKafka(url: string, changes: Partial<KafkaConfig> = {}): Promise<KafkaConfig> {
  const config = kafkaConfig(url, changes);
  await createTopics(config, createLogger({ level: "silent", pretty: false }));
  return config;
}

/** What `parley serve` is told to use the cluster, under a prefix of its own. */
export function kafkaEnvironment(url: string, prefix = newPrefix()): Record<string, string> {
  return {
    PARLEY_EVENTS_URL: url,
    PARLEY_KAFKA_PREFIX: prefix,
    PARLEY_KAFKA_PARTITIONS: "3",
    PARLEY_KAFKA_REPLICATION: "1",
  };
}
