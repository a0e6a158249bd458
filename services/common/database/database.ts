import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";
import type { Logger } from "pino";
import type { Metrics } from "../metrics.ts";
import { type DatabaseUrl, parseDatabaseUrl } from "./database-url.ts";
import { DatabaseLockedError, DatabaseOpenError } from "./errors.ts";
import type { MigrationStatus } from "./migrate.ts";
import { openSqliteDatabase } from "./sqlite.ts";
import { sqliteMigrationStatus } from "./sqlite-migrate.ts";

/** Per kind of database; each has the SQL of its own. */
export type Migrations = Record<DatabaseUrl["dialect"], Record<string, Migration>>;

/**
 * The database port: what a service may ask of its database, whichever it is.
 *
 * Values: ids are 16 bytes (`Uint8Array`), times are integer milliseconds, text compares by code point. Integers come
 * back as numbers and must stay below 2^53 (a larger one in the database makes the query fail).
 *
 * Errors: what ails the database itself (disk full, read-only, I/O error, locked) rejects with `UnavailableError`, and
 * when its cause is gone, the same Database works again. A doubled key rejects with `UniqueViolationError`. What was
 * not committed has changed nothing; but a commit that was answered by an `UnavailableError` may turn out to have
 * happened once the process is started again, so a write that is repeated must be idempotent.
 *
 * Callers who are gone (caller-gone.ts): queries, transactions and reads that still wait for their turn are not begun
 * for them, and reject with what ended the call. `call` asks nobody, since it may be several callers' work. On
 * SQL Server this goes for transactions alone: what else waits, waits in the driver's pool.
 */
export interface Database<
  Tables,
  Procedures extends ProcedureSet<Procedures> = NoProcedures,
  ReadProcedures extends ProcedureSet<ReadProcedures> = NoProcedures,
> {
  /**
   * Queries. A select outside a transaction sees everything whose commit was answered before it was asked.
   * `transaction()` excludes all other writers from its beginning on SQLite, and on SQL Server those who touch the rows
   * that it has written: what it decides on must be a row that it has updated before reading it, or a key that can't be
   * doubled. It is rolled back when nothing was asked in it for some seconds, which is also what becomes of one that
   * waits for a write outside of it. With `setAccessMode("read only")` it excludes no writer and sees one snapshot.
   * Streaming and savepoints are not offered.
   */
  readonly kysely: Kysely<Tables>;
  /** Runs a procedure in a transaction of its own, which is rolled back if it throws. Calls run in the order given. */
  call<Name extends keyof Procedures & string>(
    name: Name,
    ...args: Parameters<Procedures[Name]>
  ): Promise<ReturnType<Procedures[Name]>>;
  /** Runs a procedure that only reads, on one snapshot, beside the writers. */
  read<Name extends keyof ReadProcedures & string>(
    name: Name,
    ...args: Parameters<ReadProcedures[Name]>
  ): Promise<ReturnType<ReadProcedures[Name]>>;
  /** Lets what was asked before finish, refuses what comes after. */
  close(): Promise<void>;
}

/** Functions by name, synchronous, with arguments and results that structured clone copies. */
export type ProcedureSet<Procedures> = {
  [Name in keyof Procedures]: (...args: never[]) => unknown;
};

export type NoProcedures = Record<never, never>;

export interface DatabaseLocation {
  /** `sqlite:<folder>` or `mssql://…`. */
  url: string;
  /** Of the service; each has a database of its own, or on a server a schema. */
  name: "auth" | "room" | "message";
  /** By name; they run in the order of their names, each in a transaction. One that was released never changes. */
  migrations: Migrations;
}

export interface OpenDatabaseOptions extends DatabaseLocation {
  /**
   * A module that exports `createProcedures(db)`, `createReadProcedures(db)` or both. On SQLite it is loaded in the
   * database's threads and `db` is a `DatabaseSync` of node:sqlite; they are called again when the connection had to be
   * opened anew, so they keep no state but prepared statements.
   *
   * What crosses between threads is structured-cloned, and its form decides the cost. CPU of both sides for 100 items
   * of three ids, a text and three numbers there and 100 numbers back, measured on the reference machine, less the
   * 43 µs of an empty round trip: objects with `Uint8Array` ids 380 µs, objects with string ids 125, tuples of strings
   * 70, one array per field 50, the same with all ids in one packed `Uint8Array` 32. So: one array per field, ids as
   * strings (each small `Uint8Array` costs 1 µs), converted in the procedure; results likewise.
   *
   * On SQL Server `db` is `MssqlCalls`, and the functions, of the same names and arguments, are asynchronous.
   */
  procedures?: Record<DatabaseUrl["dialect"], URL>;
  logger: Logger;
  metrics?: Metrics | undefined;
  /**
   * The database is lost to this process, for good: everything is rejected from here on. Without it the error is
   * thrown as an uncaught exception.
   */
  onFatal?: (error: Error) => void;
}

/** What a database of either kind is opened with. */
export interface DialectOptions extends Omit<OpenDatabaseOptions, "url" | "migrations" | "procedures"> {
  migrations: Record<string, Migration>;
  /** After how long a transaction in which nothing is asked is rolled back, in ms. */
  idleTimeoutMs?: number;
}

/** Opens a service's database, having made it, locked it against other processes and migrated it where needed. */
export async function openDatabase<
  Tables,
  Procedures extends ProcedureSet<Procedures> = NoProcedures,
  ReadProcedures extends ProcedureSet<ReadProcedures> = NoProcedures,
>(options: OpenDatabaseOptions): Promise<Database<Tables, Procedures, ReadProcedures>> {
  const place = parseDatabaseUrl(options.url);
  const { dialect } = place;
  const own = { migrations: options.migrations[dialect], procedures: options.procedures?.[dialect] };
  if (place.dialect === "sqlite") {
    return openSqliteDatabase<Tables, Procedures, ReadProcedures>({
      ...options,
      ...own,
      folder: place.folder,
    });
  }
  const { openMssqlDatabase } = await loadMssql();
  return openMssqlDatabase<Tables, Procedures, ReadProcedures>({ ...options, ...own, server: place });
}

/**
 * Opens a service's database beside the process that has it, for a command that does little and ends: takes no lock. A
 * writer of either waits for the other's transaction. Where the schema isn't of this version, it is first brought up to
 * date, here or by a process that is just starting, whichever has the lock. Throws DatabaseLockedError when who has it
 * doesn't do so for some seconds.
 */
export async function openDatabaseBeside<Tables>(
  options: DatabaseLocation & { logger: Logger },
): Promise<Database<Tables>> {
  const place = parseDatabaseUrl(options.url);
  if (place.dialect === "mssql") return openDatabase(options);
  const sqlite = { ...options, migrations: options.migrations.sqlite, folder: place.folder };
  const deadline = performance.now() + besideWaitMs;
  while (!(await isUpToDate(options))) {
    try {
      const database = await openSqliteDatabase({ ...sqlite, lockWaitMs: 100 });
      await database.close();
      break;
    } catch (error) {
      if (!(error instanceof DatabaseLockedError) || performance.now() > deadline) throw error;
    }
  }
  return openSqliteDatabase<Tables>({ ...sqlite, beside: true });
}

/** How long a command waits for a process that may be migrating, in ms. */
const besideWaitMs = 10_000;

/** False too for what can't be read: it may be just about to be made. */
async function isUpToDate(location: DatabaseLocation): Promise<boolean> {
  try {
    const { applied, pending, unknown } = await migrationStatus(location);
    return applied.length > 0 && pending.length === 0 && unknown.length === 0;
  } catch (error) {
    if (error instanceof DatabaseOpenError) return false;
    throw error;
  }
}

/**
 * Which migrations a database has. Takes no lock and changes nothing; the database may be in use. Throws
 * DatabaseOpenError for what can't be read.
 */
export async function migrationStatus({ url, name, migrations }: DatabaseLocation): Promise<MigrationStatus> {
  const place = parseDatabaseUrl(url);
  if (place.dialect === "sqlite") {
    return sqliteMigrationStatus({ folder: place.folder, name, migrations: migrations.sqlite });
  }
  const { mssqlMigrationStatus } = await loadMssql();
  return mssqlMigrationStatus({ server: place, name, migrations: migrations.mssql });
}

/** Its driver is large and slow to load, and a process with SQLite never needs it. */
function loadMssql() {
  return import("./mssql.ts");
}
