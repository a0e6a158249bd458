import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { createTestDatabase, dropTestDatabases } from "../services/common/database/test-mssql.ts";
import { inheritedEnv } from "./inherited-env.ts";
import { type MeshOptions, type MeshStack, servicesOnKafka, startMeshOnKafka } from "./mesh-stack.ts";
import { sqlServer } from "./sql-server.ts";
import { createLogin } from "./sql-server-login.ts";
import { warmUp } from "./sql-server-warm-up.ts";

/** On a database server message can be there twice, too. */
const { message, ...others } = servicesOnKafka;
const services = { ...others, "message-1": message, "message-2": message };

/** The mesh on Kafka with a database of its own on the server, migrated and with a login as an operator makes them. */
export async function startMeshOnSqlServer(kafkaUrl: string, options: MeshOptions = {}): Promise<MeshStack> {
  const server = sqlServer;
  if (server === undefined) throw new Error("name a SQL Server in PARLEY_TEST_MSSQL_URL");
  const closing: (() => PromiseLike<void>)[] = [];
  const close = async () => {
    for (const step of closing.splice(0).reverse()) await step();
  };
  try {
    const databaseUrl = await createTestDatabase(server, "parley_mesh");
    const dropDatabase = () => dropTestDatabases(server, new URL(databaseUrl).pathname.slice(1));
    closing.push(dropDatabase);
    await migrate(databaseUrl);
    const { url, drop } = await createLogin(databaseUrl);
    closing.splice(0, 1, drop, dropDatabase);
    const env = { PARLEY_DATABASE_URL: withFewConnections(url), ...options.env };
    const mesh = await startMeshOnKafka(kafkaUrl, { services, readyTimeoutMs: 300_000, ...options, env });
    closing.push(() => mesh[Symbol.asyncDispose]());
    await warmUp(mesh);
    return {
      ...mesh,
      get pid() {
        return mesh.pid;
      },
      // By the login that made the database, and not by the one that the processes have.
      databaseUrl,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const main = join(import.meta.dirname, "../services/main.ts");

async function migrate(databaseUrl: string): Promise<void> {
  const env = { ...inheritedEnv, PARLEY_DATABASE_URL: databaseUrl };
  await promisify(execFile)(process.execPath, [main, "migrate"], { env });
}

/** Since the first statements of each cost some servers seconds. */
function withFewConnections(databaseUrl: string): string {
  const url = new URL(databaseUrl);
  url.searchParams.set("poolSize", "2");
  return url.href;
}
