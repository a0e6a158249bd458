import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { ConnectionPool } from "./mssql-driver.ts";

/** Makes a database for tests, whose name begins so; answers its URL. */
export async function createTestDatabase(server: string, prefix: string): Promise<string> {
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
  // Some servers are slow to begin with, above all on a busy machine.
  url.searchParams.set("requestTimeout", "60000");
  url.searchParams.set("lockTimeout", "15000");
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

/** Deletes what the services have there. */
export async function emptyTestDatabase(url: string): Promise<void> {
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

/** Drops the databases whose names begin so. */
export async function dropTestDatabases(server: string, prefix: string): Promise<void> {
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
