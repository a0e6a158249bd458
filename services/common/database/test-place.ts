import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { onTestFinished } from "vitest";
import { ConnectionPool } from "./mssql-driver.ts";

/**
 * The server of the tests that are run for SQL Server; undefined in those for SQLite. Its login makes databases and
 * drops them. See vitest.config.ts.
 */
// biome-ignore lint/style/noProcessEnv: the test runner tells its projects apart by it
export const testServer: string | undefined = process.env.PARLEY_TEST_ON_MSSQL || undefined;

/** Databases of this run begin so; the run's end drops them. */
// biome-ignore lint/style/noProcessEnv: likewise its runs
const prefix = `parley_test_${process.env.PARLEY_TEST_RUN ?? randomBytes(3).toString("hex")}`;

const urls = new Map<string, Promise<string>>();
/** Made, used, and emptied again. */
const empty: string[] = [];

/**
 * Where the running test keeps its data: in the folder, or on a server in a database that stands for the folder, and is
 * another test's after it.
 */
export async function testDatabaseUrl(folder: string): Promise<string> {
  if (testServer === undefined) return `sqlite:${folder}`;
  const known = await urls.get(folder);
  if (known !== undefined) return known;
  const free = empty.pop();
  const url = free === undefined ? createTestDatabase(testServer) : Promise.resolve(free);
  urls.set(folder, url);
  onTestFinished(async () => {
    urls.delete(folder);
    await emptyDatabase(await url);
    empty.push(await url);
  });
  return url;
}

async function createTestDatabase(server: string): Promise<string> {
  const name = `${prefix}_${randomBytes(4).toString("hex")}`;
  const commands = [
    `create database ${name}`,
    ifIsolationIs("is_read_committed_snapshot_on = 0", name, "read_committed_snapshot"),
    ifIsolationIs("snapshot_isolation_state <> 1", name, "allow_snapshot_isolation"),
  ];
  await onServer(server, async (run) => {
    for (const command of commands) await patiently(() => run(command));
  });
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

/** Two that make databases at once get into each other's way on some servers. */
async function patiently<T>(run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run();
    } catch (error) {
      if (attempt === 5) throw error;
      await sleep(50 * attempt);
    }
  }
}

/** Servers that have no other isolation refuse to be told. */
function ifIsolationIs(condition: string, name: string, option: string): string {
  const set = `alter database ${name} set ${option} on`;
  return `if exists (select 1 from sys.databases where name = '${name}' and ${condition}) exec('${set}')`;
}

/** Facts about the database itself stay, and so do the notes of its migrations. */
const kept = new Set(["kysely_migration", "kysely_migration_lock", "meta"]);

async function emptyDatabase(url: string): Promise<void> {
  await onServer(url, async (run) => {
    const { recordset } = await run(`
      select schema_name(schema_id) as place, name from sys.tables
      where schema_name(schema_id) in ('auth', 'room', 'message')`);
    const tables = (recordset as { place: string; name: string }[]).filter(({ name }) => !kept.has(name));
    // Other tables refer to people.
    tables.sort((a, b) => Number(a.name === "user") - Number(b.name === "user"));
    if (tables.length === 0) return;
    await run(tables.map(({ place, name }) => `delete from ${place}.[${name}];`).join(" "));
  });
}

/** At the end of a run. */
export async function dropTestDatabases(server: string): Promise<void> {
  await onServer(server, async (run) => {
    const { recordset } = await run("select name from sys.databases");
    for (const { name } of recordset as { name: string }[]) {
      if (name.startsWith(prefix)) await run(`drop database ${name}`);
    }
  });
}

async function onServer(
  server: string,
  work: (run: (command: string) => Promise<{ recordset: unknown }>) => Promise<unknown>,
): Promise<void> {
  const { hostname, port, username, password, pathname, searchParams } = new URL(server);
  const pool = new ConnectionPool({
    pool: { max: 1 },
    server: hostname,
    port: Number(port || 1433),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: decodeURIComponent(pathname.slice(1)),
    options: {
      encrypt: searchParams.get("encrypt") !== "false",
      trustServerCertificate: searchParams.get("trustServerCertificate") === "true",
    },
  });
  await pool.connect();
  try {
    await work((command) => pool.request().batch(command));
  } finally {
    await pool.close();
  }
}
