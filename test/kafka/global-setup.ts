import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestProject } from "vitest/node";
import { missingTools } from "../../deploy/kafka/jars.ts";
import { type MeshStack, startMeshOnKafka } from "../mesh-stack.ts";
import { sqlServer } from "../sql-server.ts";
import { startTestBroker, type TestBroker } from "./test-broker.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** How tests come to a Kafka cluster, or why there is none. */
    kafka: KafkaForTests;
  }
}

export interface KafkaForTests {
  /** Where to ask for the broker and the mesh that all tests of a run share; each is started when somebody does. */
  readonly ask?: string;
  /** What to do to have one. */
  readonly missing?: string;
}

/**
 * One broker for all tests of a run, and one mesh on it for each database, started by the first that wants it:
 * PARLEY_TEST_KAFKA_URL names another broker. Tests of Kafka are required in CI; elsewhere they run where Java and Maven
 * are. Those of a mesh on SQL Server run where one is named.
 */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const missing = process.env.PARLEY_TEST_KAFKA_URL ? undefined : await missingTools();
  if (missing !== undefined) {
    if (process.env.CI) throw new Error(`tests of Kafka can't run: ${missing}`);
    console.log(`Tests of Kafka are skipped: ${missing}, or name brokers in PARLEY_TEST_KAFKA_URL.`);
    project.provide("kafka", { missing });
    return undefined;
  }
  if (process.env.PARLEY_TEST_KAFKA_URL)
    console.log("Tests of Kafka over TLS are skipped: the brokers in PARLEY_TEST_KAFKA_URL are others' own.");
  if (sqlServer === undefined)
    console.log("Tests of a mesh on SQL Server are skipped: name a server in PARLEY_TEST_MSSQL_URL.");
  let broker: Promise<TestBroker> | undefined;
  const sharedBroker = () => {
    broker ??= startTestBroker();
    return broker;
  };
  const meshes: Promise<MeshStack>[] = [];
  function answersOf(path: string, startMesh: (kafkaUrl: string) => Promise<MeshStack>) {
    let mesh: Promise<MeshStack> | undefined;
    const shared = () => {
      if (mesh === undefined) {
        mesh = sharedBroker().then(({ access }) => startMesh(access.url));
        meshes.push(mesh);
      }
      return mesh;
    };
    return {
      [path]: async () => {
        const { url, socketUrl, grpcUrl, folder, databaseUrl } = await shared();
        return JSON.stringify({ url, socketUrl, grpcUrl, folder, databaseUrl });
      },
      [`${path}/output`]: async () => (await shared()).output(),
    };
  }
  const answers: Record<string, () => Promise<string>> = {
    "/broker": async () => JSON.stringify((await sharedBroker()).access),
    ...answersOf("/mesh/sqlite", startMeshOnKafka),
    ...answersOf("/mesh/sql-server", async (kafkaUrl) => {
      // Its driver is large, and most runs never need it.
      const { startMeshOnSqlServer } = await import("../sql-server-stack.ts");
      return startMeshOnSqlServer(kafkaUrl);
    }),
  };
  const server = createServer((request, response) => {
    answers[request.url!]!().then(
      (answer) => response.end(answer),
      (error) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  project.provide("kafka", { ask: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  return async () => {
    server.closeAllConnections();
    server.close();
    // A failed start was told to those who asked.
    for (const mesh of meshes) await (await mesh.catch(() => undefined))?.[Symbol.asyncDispose]();
    await (await broker?.catch(() => undefined))?.stop();
  };
}
