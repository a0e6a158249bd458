import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { ConnectionPool, Request, Transaction } from "./mssql-driver.ts";

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
  url.searchParams.set("requestTimeout", "300000");
  url.searchParams.set("lockTimeout", "60000");
  url.searchParams.set("connectTimeout", "60000");
  return url.href;
}

/** Two that make databases at once get into each other's way on some servers. */
async function patiently<T>(run: () => Promise<T>, attempts = 5): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run();
    } catch (error) {
      if (attempt === attempts) throw error;
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

/** Somebody else's transaction, that stays open however long nothing is asked in it. */
export interface TestSession {
  run(command: string): Promise<unknown>;
  rollback(): Promise<void>;
}

export async function openSession(url: string): Promise<TestSession> {
  const pool = await connect(url);
  const transaction = new Transaction(pool);
  await transaction.begin();
  return {
    run: (command) => new Request(transaction).batch(command),
    async rollback() {
      // Of a deadlock's victim nothing is left to be undone.
      await transaction.rollback().catch(() => {});
      await pool.close();
    },
  };
}

/** Ends all sessions in a database, whatever they do, as its server does when it is shut down. */
export function endSessions(url: string): Promise<void> {
  return onServer(url, (run) => endSessionsIn(run, "db_id()"));
}

type Run = (command: string) => Promise<{ recordset: unknown }>;

async function endSessionsIn(run: Run, database: string): Promise<void> {
  const { recordset } = await run(`
    select session_id from sys.dm_exec_sessions
    where database_id = ${database} and is_user_process = 1 and session_id <> @@spid`);
  for (const { session_id } of recordset as { session_id: number }[]) {
    // It may have ended by itself.
    await run(`kill ${session_id}`).catch(() => {});
  }
}

/** Drops the databases whose names begin so. */
export async function dropTestDatabases(server: string, prefix: string): Promise<void> {
  await onServer(server, async (run) => {
    const { recordset } = await run("select name from sys.databases");
    for (const { name } of recordset as { name: string }[]) {
      if (!name.startsWith(prefix)) continue;
      // Of processes that were killed the sessions may live on for a moment.
      await endSessionsIn(run, `db_id('${name}')`);
      await patiently(() => run(`drop database ${name}`), 20);
    }
  });
}

/** Runs commands there, each a batch, and then leaves. */
export async function onServer(server: string, work: (run: Run) => Promise<unknown>): Promise<void> {
  const pool = await connect(server);
  try {
    await work((command) => pool.request().batch(command));
  } finally {
    await pool.close();
  }
}

async function connect(server: string): Promise<ConnectionPool> {
  const { hostname, port, username, password, pathname, searchParams } = new URL(server);
  const pool = new ConnectionPool({
    pool: { max: 1 },
    connectionTimeout: 60_000,
    requestTimeout: 60_000,
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
  // Told to whoever asks next.
  pool.on("error", () => {});
  return pool.connect();
}
