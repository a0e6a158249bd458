import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createKafkaClient, createWithAdmin } from "../../services/common/events/kafka-client.ts";
import type { KafkaSasl } from "../../services/common/events/kafka-config.ts";
import { checkTopics, createTopics } from "../../services/common/events/kafka-topics.ts";
import { openEventLog, TopicsMissingError } from "../../services/common/events/open-event-log.ts";
import { createLogger } from "../../services/common/logger.ts";
import { createTestCertificate } from "../../services/common/test-certificates.ts";
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

  describe.skipIf(process.env.PARLEY_TEST_KAFKA_URL)("over TLS, of which given brokers are not asked", () => {
    test.each(["scram-sha-512", "scram-sha-256", "plain"] as const)("is used by %s", async (mechanism) => {
      const secure = await secureAccess();
      const config = secureConfig(secure, mechanism, secure.password);
      expect((await createTopics(config, logger)).created).toHaveLength(6);
      await expect(createTopics(secureConfig(secure, mechanism, "wrong"), logger)).rejects.toThrow(/auth/i);
      const stranger = { ...config, tls: { caFile: undefined, certFile: undefined, keyFile: undefined } };
      await expect(checkTopics(stranger, logger)).rejects.toThrow();
    });

    test("is gone on with when the authority is renewed on disk", async () => {
      const secure = await secureAccess();
      const config = secureConfig(secure, "scram-sha-512", secure.password);
      const file = config.tls!.caFile!;
      const withAdmin = createWithAdmin(createKafkaClient(config, logger));
      const brokers = () => withAdmin(async (admin) => (await admin.describeCluster()).brokers.length);
      writeFileSync(file, createTestCertificate({ name: "Another", isAuthority: true }).cert);
      await expect(brokers()).rejects.toThrow(/certificate/);
      writeFileSync(file, secure.authority);
      expect(await brokers()).toBe(1);
    });
  });
});

async function secureAccess(): Promise<SecureAccess> {
  const { secure } = await sharedKafka();
  if (secure === undefined) throw new Error("the tests' own broker has a listener that speaks TLS");
  return secure;
}

function secureConfig(secure: SecureAccess, mechanism: KafkaSasl["mechanism"], password: string) {
  const { url, username, authority } = secure;
  const folder = mkdtempSync(join(tmpdir(), "parley-kafka-tls-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const caFile = join(folder, "ca.pem");
  writeFileSync(caFile, authority);
  const tls = { caFile, certFile: undefined, keyFile: undefined };
  return kafkaConfig(url, { tls, sasl: { mechanism, username, password } });
}
