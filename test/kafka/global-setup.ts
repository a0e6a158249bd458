import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestProject } from "vitest/node";
import { missingTools } from "../../deploy/kafka/jars.ts";
import { startTestBroker, type TestBroker } from "./test-broker.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** How tests come to a Kafka cluster, or why there is none. */
    kafka: KafkaForTests;
  }
}

export interface KafkaForTests {
  /** Where to ask for the broker that all tests of a run share; it is started when somebody does. */
  readonly ask?: string;
  /** What to do to have one. */
  readonly missing?: string;
}

/**
 * One broker for all tests of a run, started by the first that wants it: PARLEY_TEST_KAFKA_URL names another. Tests of
 * Kafka are required in CI; elsewhere they run where Java and Maven are.
 */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const missing = process.env.PARLEY_TEST_KAFKA_URL ? undefined : await missingTools();
  if (missing !== undefined) {
    if (process.env.CI) throw new Error(`tests of Kafka can't run: ${missing}`);
    console.log(`Tests of Kafka are skipped: ${missing}, or name brokers in PARLEY_TEST_KAFKA_URL.`);
    project.provide("kafka", { missing });
    return undefined;
  }
  let broker: Promise<TestBroker> | undefined;
  const server = createServer((_, response) => {
    broker ??= startTestBroker();
    broker.then(
      ({ access }) => response.end(JSON.stringify(access)),
      (error) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  project.provide("kafka", { ask: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  return async () => {
    server.closeAllConnections();
    server.close();
    await (await broker)?.stop();
  };
}
