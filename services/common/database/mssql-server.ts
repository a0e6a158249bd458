import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { backoffMs } from "../backoff.ts";
import { UnavailableError } from "../errors.ts";
import { DatabaseOpenError, rootMessage } from "./errors.ts";
import { ConnectionPool, Request, type Transaction } from "./mssql-driver.ts";
import {
  isConflict,
  isDisconnect,
  isDuplicate,
  toDatabaseError,
  toUniqueViolation,
  type UniqueIndexes,
} from "./mssql-errors.ts";
import type { MssqlUrl } from "./mssql-url.ts";
import { bind, readerOf } from "./mssql-values.ts";

export interface Statement {
  sql: string;
  /** By name, without the @. */
  parameters: Record<string, unknown>;
}

export interface StatementResult {
  /** One for each result set, of rows by column name. */
  sets: Record<string, unknown>[][];
  /** Rows, over all statements. */
  affected: number;
}

/** What may be done again when it fails. */
export interface Repeatable {
  /** It changes nothing: may be asked again whatever became of the first time. */
  isRead: boolean;
  /** It is one transaction of its own, and a key that it doubles is one that another made meanwhile. */
  isProcedure?: boolean;
}

/** A pool of connections to one database, as one service has it. */
export interface MssqlServer {
  readonly pool: ConnectionPool;
  /** How many statements wait for a connection, and how many are under way. */
  readonly load: { waiting: number; underWay: number };
  /** Runs statements, each by itself, on a connection of the pool. Throws what the port says. */
  execute(statement: Statement, repeatable: Repeatable): Promise<StatementResult>;
  /** Runs statements on the connection that a transaction has. */
  executeIn(transaction: Transaction, statement: Statement): Promise<StatementResult>;
  /** The statement, alone or in a transaction, waiting for locks no longer than it should. */
  withSettings(sql: string, place: "alone" | "inTransaction"): string;
  /** What the driver threw, as callers of the port get it. */
  toError(error: unknown): Promise<Error>;
  /** How the unique indexes are read, when first one is violated. */
  setUniqueIndexes(read: () => Promise<UniqueIndexes>): void;
  /** Lets what was asked before finish, refuses what comes after. */
  close(): Promise<void>;
}

const attempts = 5;
const retries = { firstMs: 10, capMs: 200 };

/** Connects once, to find what is wrong with the URL. Throws DatabaseOpenError. */
export async function openMssqlServer(url: MssqlUrl, logger?: Logger): Promise<MssqlServer> {
  const where = `database ${url.database} on ${url.host}:${url.port}`;
  const pool = new ConnectionPool(poolConfig(url));
  // What fails is told to whoever asked; this is for what nobody waits for.
  pool.on("error", (err: Error) => logger?.debug({ err }, "a connection to the database failed"));
  try {
    await pool.connect();
  } catch (error) {
    throw new DatabaseOpenError(`can't connect to ${where}: ${rootMessage(error)}`, error);
  }
  return createServer(pool, url);
}

function poolConfig(url: MssqlUrl): ConstructorParameters<typeof ConnectionPool>[0] {
  return {
    server: url.host,
    port: url.port,
    user: url.user,
    password: url.password,
    database: url.database,
    connectionTimeout: url.connectTimeoutMs,
    requestTimeout: url.requestTimeoutMs,
    pool: {
      min: 0,
      max: url.poolSize,
      acquireTimeoutMillis: url.requestTimeoutMs,
      idleTimeoutMillis: 60_000,
    },
    options: {
      appName: "parley",
      // Typed as a boolean, and passed on as it is.
      encrypt: url.encrypt as boolean,
      trustServerCertificate: url.trustServerCertificate,
      enableArithAbort: true,
    },
  };
}

function createServer(pool: ConnectionPool, url: MssqlUrl): MssqlServer {
  let readIndexes = async (): Promise<UniqueIndexes> => new Map();
  let indexes: Promise<UniqueIndexes> | undefined;
  let closed = false;
  const underWay = new Set<Promise<unknown>>();

  async function toError(error: unknown): Promise<Error> {
    if (!isDuplicate(error)) return toDatabaseError(error);
    indexes ??= readIndexes();
    try {
      return toUniqueViolation(error, await indexes);
    } catch {
      indexes = undefined;
      return toUniqueViolation(error, new Map());
    }
  }

  function mayRepeat(error: unknown, { isRead, isProcedure = false }: Repeatable): boolean {
    return isConflict(error) || (isRead && isDisconnect(error)) || (isProcedure && isDuplicate(error));
  }

  async function run(statement: Statement, repeatable: Repeatable): Promise<StatementResult> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await query(new Request(pool), statement);
      } catch (error) {
        if (attempt === attempts || !mayRepeat(error, repeatable)) throw await toError(error);
        await sleep(backoffMs(attempt, retries));
      }
    }
  }

  async function tracked<T>(work: Promise<T>): Promise<T> {
    underWay.add(work);
    try {
      return await work;
    } finally {
      underWay.delete(work);
    }
  }

  return {
    pool,
    get load() {
      const waiting = pool.pool ? pool.pending : 0;
      return { waiting, underWay: underWay.size - Math.min(waiting, underWay.size) };
    },
    execute(statement, repeatable) {
      if (closed) return Promise.reject(new UnavailableError("the database is closed"));
      return tracked(run(statement, repeatable));
    },
    executeIn: (transaction, statement) =>
      tracked(
        query(new Request(transaction), statement).catch(async (error: unknown) => {
          throw await toError(error);
        }),
      ),
    withSettings(sql, place) {
      const settings = `set xact_abort on; set lock_timeout ${url.lockTimeoutMs};`;
      // The level of the transaction that the connection had before stays with it.
      const level = place === "alone" ? "set transaction isolation level read committed;" : "";
      return `${level} ${settings} ${sql}`;
    },
    toError,
    setUniqueIndexes(read) {
      readIndexes = read;
    },
    async close() {
      closed = true;
      await Promise.allSettled(underWay);
      await pool.close();
    },
  };
}

/**
 * Result sets are told apart by their columns, which come before them: not every server says where the set of a
 * procedure within a procedure ends.
 */
async function query(request: Request, { sql, parameters }: Statement): Promise<StatementResult> {
  for (const [name, value] of Object.entries(parameters)) bind(request, name, value);
  const sets: Record<string, unknown>[][] = [];
  let readers: [name: string, read: (value: unknown) => unknown][] = [];
  let failure: Error | undefined;
  request.stream = true;
  request.on("recordset", (columns: Record<string, { type: unknown }>) => {
    sets.push([]);
    readers = Object.entries(columns).flatMap(([name, column]) => {
      const read = readerOf(column);
      return read ? [[name, read]] : [];
    });
  });
  request.on("row", (row: Record<string, unknown>) => {
    try {
      for (const [name, read] of readers) row[name] = read(row[name]);
      sets.at(-1)?.push(row);
    } catch (error) {
      failure ??= error as Error;
    }
  });
  // The first of several says what was wrong.
  request.on("error", (error: Error) => {
    failure ??= error;
  });
  const { rowsAffected } = (await request.query(sql)) as unknown as { rowsAffected: number[] };
  if (failure) throw failure;
  return { sets, affected: rowsAffected.reduce((sum, count) => sum + count, 0) };
}
