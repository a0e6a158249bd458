import { Kysely } from "kysely";
import { currentCaller } from "../caller-gone.ts";
import type { Database, DialectOptions, NoProcedures, ProcedureSet } from "./database.ts";
import { DatabaseOpenError, rootMessage } from "./errors.ts";
import { SqliteThreadsDialect } from "./sqlite-dialect.ts";
import { makeSqliteFiles, type SqliteFiles, sqliteFiles } from "./sqlite-files.ts";
import { createSqliteLane, type SqliteLane } from "./sqlite-lane.ts";
import { lockSqlite } from "./sqlite-lock.ts";
import { migrateSqlite } from "./sqlite-migrate.ts";
import type { ThreadRole } from "./sqlite-protocol.ts";
import { refuseUnfinished } from "./sqlite-replace.ts";
import { startSqliteThread } from "./sqlite-thread.ts";

export interface SqliteOptions extends DialectOptions {
  folder: string;
  procedures?: URL | undefined;
  /** Threads that read. A long read holds up what waits for the same thread. */
  readers?: number;
  /** The database is there and up to date, and another process may have it: no lock, no migrations. */
  beside?: boolean;
  /** How long to wait for another process that has the database, in ms. */
  lockWaitMs?: number;
  /** How long what was deleted may stay in the write-ahead log, in ms. */
  erasureDelayMs?: number;
}

/**
 * The database port on node:sqlite. That is synchronous, so its connections live on threads of their own: one that
 * writes, and some that read. The write-ahead log lets them work at the same time, and every commit is on the disk
 * (`synchronous=FULL`) before it is answered.
 */
export async function openSqliteDatabase<
  Tables,
  Procedures extends ProcedureSet<Procedures> = NoProcedures,
  ReadProcedures extends ProcedureSet<ReadProcedures> = NoProcedures,
>(options: SqliteOptions): Promise<Database<Tables, Procedures, ReadProcedures>> {
  const files = sqliteFiles(options.folder, options.name);
  const lock = options.beside
    ? undefined
    : await opening(files, () => {
        makeSqliteFiles(options.folder, files);
        return lockSqlite(files, { waitMs: options.lockWaitMs ?? 5000 });
      });
  const connections = createConnections(files, options);
  const close = async () => {
    await connections.close().finally(() => lock?.release());
  };
  try {
    // Not before the lock is had: another process may be at it.
    refuseUnfinished(options.folder);
    await opening(files, () => connections.open());
  } catch (error) {
    await close();
    throw error;
  }
  let closed: Promise<void> | undefined;
  return {
    kysely: connections.kysely as Kysely<Tables>,
    call: (name, ...args) => connections.writer.request({ type: "call", name, args }) as Promise<never>,
    read: (name, ...args) =>
      connections.reader().request({ type: "call", name, args }, currentCaller()) as Promise<never>,
    close() {
      closed ??= close();
      return closed;
    },
  };
}

function createConnections(files: SqliteFiles, options: SqliteOptions) {
  const { name, migrations, procedures, logger, metrics, onFatal = throwUncaught } = options;
  const writer = startLane("writer");
  // They begin when there is a schema; until then the writer reads.
  const readerLanes = Array.from({ length: options.readers ?? 1 }, () => startLane("reader"));
  const readers: SqliteLane[] = [];
  const reader = () =>
    readers.reduce((least, lane) => (lane.load < least.load ? lane : least), readers[0] ?? writer);
  const kysely = new Kysely<unknown>({ dialect: new SqliteThreadsDialect({ writer, reader }) });
  let serving = false;
  metrics?.gauge({
    name: "parley_database_queue_length",
    help: "What a database's threads have been asked and not answered.",
    labels: { database: name },
    read: () => [
      { labels: { lane: "writer" }, value: writer.load },
      { labels: { lane: "readers" }, value: readers.reduce((sum, { load }) => sum + load, 0) },
    ],
  });

  function startLane(role: ThreadRole): SqliteLane {
    const thread = startSqliteThread({
      role,
      path: files.database,
      erasureDelayMs: options.erasureDelayMs ?? 30_000,
      threadName: `${name}-${role}`,
      logger,
      onCrash,
    });
    return createSqliteLane({ thread, idleTimeoutMs: options.idleTimeoutMs ?? 5000 });
  }

  function onCrash(error: Error): void {
    if (!serving) return;
    logger.fatal({ err: error, database: name }, "database thread ended");
    // Half a database is none: what is under way may finish, the rest is refused.
    void close().catch((err: unknown) =>
      logger.error({ err, database: name }, "closing the database failed"),
    );
    onFatal(error);
  }

  async function open(): Promise<void> {
    if (!options.beside) await migrateSqlite(kysely, { name, migrations, logger });
    const url = procedures?.href;
    await Promise.all(
      [writer, ...readerLanes].map((lane) => lane.request({ type: "prepare", procedures: url })),
    );
    readers.push(...readerLanes);
    serving = true;
  }

  /** The writer last, since the last connection folds the log into the database. */
  async function close(): Promise<void> {
    serving = false;
    await writer.close(Promise.allSettled(readerLanes.map((lane) => lane.close())));
  }

  return { kysely, writer, reader, open, close };
}

async function opening<T>({ database }: SqliteFiles, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    if (error instanceof DatabaseOpenError) throw error;
    throw new DatabaseOpenError(`can't open ${database}: ${rootMessage(error)}`, error);
  }
}

function throwUncaught(error: Error): void {
  queueMicrotask(() => {
    throw error;
  });
}
