import { beforeAll, describe, expect, test } from "vitest";
import { checkTopics, createTopics } from "../../services/common/events/kafka-topics.ts";
import { openEventLog, TopicsMissingError } from "../../services/common/events/open-event-log.ts";
import { createLogger } from "../../services/common/logger.ts";
import { noKafka, sharedKafka } from "../kafka.ts";
import { kafkaConfig } from "./environment.ts";
import type { SecureAccess } from "./test-broker.ts";

const logger = createLogger({ level: "silent", pretty: false });

describe.skipIf(noKafka)("a Kafka cluster", () => {
  beforeAll(sharedKafka);

  test("gets the topics that it lacks, once; what is otherwise is told and left", async () => {
    const config = kafkaConfig((await sharedKafka()).url);
    await expect(openEventLog(config, { logger })).rejects.toThrow(TopicsMissingError);
    expect((await createTopics(config, logger)).created).toHaveLength(6);
    expect((await createTopics(config, logger)).created).toEqual([]);
    const other = { partitions: 5, replication: 2, minInSyncReplicas: 2, retentionMs: 3_600_000 };
    const changed = { ...config, topics: other };
    for (const states of [(await createTopics(changed, logger)).states, await checkTopics(changed, logger)]) {
      const [timeline] = states;
      expect(timeline?.problems).toEqual([
        "has 3 partitions, PARLEY_KAFKA_PARTITIONS is 5",
        "has 1 replicas, PARLEY_KAFKA_REPLICATION is 2",
        "has retention.ms=86400000, PARLEY_KAFKA_RETENTION is 3600000",
        "has min.insync.replicas=1, PARLEY_KAFKA_MIN_ISR is 2",
      ]);
    }
    const states = await checkTopics(config, logger);
    expect(states.flatMap(({ problems }) => problems)).toEqual([]);
  });

  test.each(["scram-sha-512", "scram-sha-256", "plain"] as const)(
    "is used over TLS by %s",
    async (mechanism) => {
      const { secure } = await sharedKafka();
      if (secure === undefined) return;
      const config = secureConfig(secure, mechanism, secure.password);
      expect((await createTopics(config, logger)).created).toHaveLength(6);
      await expect(createTopics(secureConfig(secure, mechanism, "wrong"), logger)).rejects.toThrow(/auth/i);
      const stranger = { ...config, tls: { ca: undefined, cert: undefined, key: undefined } };
      await expect(checkTopics(stranger, logger)).rejects.toThrow();
    },
  );
});

function secureConfig(
  secure: SecureAccess,
  mechanism: "scram-sha-512" | "scram-sha-256" | "plain",
  password: string,
) {
  const { url, username, authority } = secure;
  const tls = { ca: authority, cert: undefined, key: undefined };
  return kafkaConfig(url, { tls, sasl: { mechanism, username, password } });
}
