import { existsSync } from "node:fs";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { breaksConnection, FileMissingError, RolledBackError } from "./sqlite-failure.ts";
import type { StatementResult, ThreadRole } from "./sqlite-protocol.ts";

/** How long a statement waits for a lock that another process holds, in ms. */
export const busyTimeoutMs = 5000;

/** Prepared statements that are kept. Lists of parameters make a statement per length. */
const statementLimit = 256;

/** In KiB, as much as is touched of it; beyond it the operating system's cache serves. */
const pageCacheKib = 32_768;

/**
 * - `fullfsync`: on macOS, fsync alone does not reach the disk.
 * - `secure_delete`: deleted text is overwritten with zeros (sqlite-checkpoints.ts on when).
 * - `temp_store`: no text in temporary files, and sorting works while the disk is full.
 * - `mmap_size`: a mapping would turn an I/O error into a signal that ends the process.
 * - `wal_autocheckpoint`: a commit would checkpoint before it answers; sqlite-checkpoints.ts does it after.
 */
const settings = `
  PRAGMA synchronous = FULL;
  PRAGMA fullfsync = ON;
  PRAGMA checkpoint_fullfsync = ON;
  PRAGMA secure_delete = ON;
  PRAGMA temp_store = MEMORY;
  PRAGMA mmap_size = 0;
  PRAGMA cache_size = -${pageCacheKib};
  PRAGMA wal_autocheckpoint = 0;
`;

/**
 * One connection, used by one thread. It is opened when it is needed, and dropped after an error that may have harmed
 * it, so that the next use has a new one.
 */
export interface SqliteConnection {
  /** Opens it if need be. */
  open(): OpenConnection;
  /** Undefined unless it is open. */
  current(): OpenConnection | undefined;
  /** Undoes what is not committed. Drops the connection if that fails, or if `error` may have harmed it. */
  recover(error: unknown): void;
  close(): void;
}

export interface OpenConnection {
  readonly db: DatabaseSync;
  begin(): void;
  commit(): void;
  execute(sql: string, parameters: readonly unknown[]): StatementResult;
}

export function createSqliteConnection({ path, role }: { path: string; role: ThreadRole }): SqliteConnection {
  let current: OpenConnection | undefined;

  function drop(): void {
    const { db } = current ?? {};
    current = undefined;
    try {
      db?.close();
    } catch {
      // It was broken; nobody uses it any more.
    }
  }

  return {
    open() {
      current ??= openConnection(path, role);
      return current;
    },
    current: () => current,
    recover(error) {
      if (current === undefined) return;
      try {
        if (current.db.isTransaction) current.db.exec("ROLLBACK");
      } catch {
        drop();
      }
      if (breaksConnection(error)) drop();
    },
    close: drop,
  };
}

/** Throws RolledBackError if the transaction is gone: the statement would be committed on its own. */
export function requireTransaction({ db }: OpenConnection): void {
  if (!db.isTransaction) throw new RolledBackError();
}

function openConnection(path: string, role: ThreadRole): OpenConnection {
  // SQLite would make an empty one, and the data, wherever it was moved, would seem to be gone.
  if (!existsSync(path)) throw new FileMissingError(path);
  const db = new DatabaseSync(path, {
    readOnly: role === "reader",
    timeout: busyTimeoutMs,
    enableForeignKeyConstraints: true,
  });
  try {
    const mode = db.prepare("PRAGMA journal_mode = WAL").get()?.journal_mode;
    if (mode !== "wal") throw new Error(`${path} can't be used with a write-ahead log (its mode is ${mode})`);
    db.exec(settings);
    // SQLite opens a file that can't be written for reading only, and the connection would stay so.
    if (role === "writer") db.exec("BEGIN IMMEDIATE; ROLLBACK");
    const begin = db.prepare(role === "writer" ? "BEGIN IMMEDIATE" : "BEGIN");
    const commit = db.prepare("COMMIT");
    const execute = createStatementCache(db);
    return { db, begin: () => begin.run(), commit: () => commit.run(), execute };
  } catch (error) {
    db.close();
    throw error;
  }
}

function createStatementCache(db: DatabaseSync): OpenConnection["execute"] {
  // A Map keeps the order of insertion: what was used last is put at the end, what is first goes.
  const statements = new Map<string, { statement: StatementSync; answersRows: boolean }>();

  function prepared(sql: string) {
    const known = statements.get(sql);
    if (known) {
      statements.delete(sql);
      statements.set(sql, known);
      return known;
    }
    const statement = db.prepare(sql);
    const entry = { statement, answersRows: statement.columns().length > 0 };
    statements.set(sql, entry);
    if (statements.size > statementLimit) statements.delete(statements.keys().next().value!);
    return entry;
  }

  return (sql, parameters) => {
    const { statement, answersRows } = prepared(sql);
    const values = parameters as SQLInputValue[];
    if (answersRows) return { rows: statement.all(...values) };
    const { changes, lastInsertRowid } = statement.run(...values);
    return { rows: [], changes, lastInsertRowid };
  };
}
