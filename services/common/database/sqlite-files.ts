import { closeSync, existsSync, fsyncSync, mkdirSync, openSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * The files of one database. The write-ahead log and its index, `.db-wal` and `.db-shm`, take the mode of the first.
 *
 * A process that has one of the SQLite files open must not open and close it by other means, not even to read: POSIX
 * locks belong to the process, and closing any descriptor of a file drops all its locks. For the same reason they are
 * made here only where they are missing.
 */
export interface SqliteFiles {
  database: string;
  /** Empty; held locked as long as the database is open. */
  lock: string;
  /** Says who holds the lock, for people. */
  owner: string;
}

export function sqliteFiles(folder: string, name: string): SqliteFiles {
  return {
    database: join(folder, `${name}.db`),
    lock: join(folder, `${name}.lock`),
    owner: join(folder, `${name}.owner`),
  };
}

/** Makes the folder and the files that are missing, for this user alone. */
export function makeSqliteFiles(folder: string, files: SqliteFiles): void {
  makeLockFile(folder, files);
  makeFile(files.database);
  syncFolder(folder);
  syncFolder(dirname(folder));
}

/** The same without the database. */
export function makeLockFile(folder: string, { lock }: SqliteFiles): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  makeFile(lock);
}

function makeFile(path: string): void {
  if (!existsSync(path)) closeSync(openSync(path, "a", 0o600));
}

export function syncFile(path: string): void {
  sync(path, "r+");
}

/** A file is durable when its name is, too. */
export function syncFolder(folder: string): void {
  if (process.platform === "win32") return;
  sync(folder, "r");
}

function sync(path: string, flags: "r" | "r+"): void {
  const descriptor = openSync(path, flags);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
