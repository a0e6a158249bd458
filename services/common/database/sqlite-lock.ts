import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { DatabaseLockedError } from "./errors.ts";
import { isBusy } from "./sqlite-failure.ts";
import type { SqliteFiles } from "./sqlite-files.ts";

/**
 * Keeps a second process off a database: two would each believe that what they know of it (who is connected, what is
 * published) is all there is.
 *
 * Node has no file locks, but SQLite does, everywhere: an exclusive transaction on an empty database beside the real
 * one, never ended. The kernel drops it with the process, however that dies, so it is never stale. The owner file only
 * says who it is. The database itself stays open to readers such as doctor and backup.
 *
 * On network file systems locks are as good as the server's; SQLite's write-ahead log doesn't work there in any case.
 */
export interface SqliteLock {
  release(): void;
}

export interface SqliteLockOptions {
  /** How long to wait for the other process to end, in ms. */
  waitMs: number;
}

const pollMs = 50;

/** Throws DatabaseLockedError. */
export async function lockSqlite(files: SqliteFiles, { waitMs }: SqliteLockOptions): Promise<SqliteLock> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    const held = tryLock(files.lock);
    if (held) {
      writeOwner(files.owner);
      return {
        release() {
          rmSync(files.owner, { force: true });
          held.close();
        },
      };
    }
    if (performance.now() >= deadline) throw new DatabaseLockedError(describeLock(files));
    await delay(pollMs);
  }
}

function tryLock(path: string): DatabaseSync | undefined {
  const db = new DatabaseSync(path, { timeout: 0 });
  try {
    // No journal: it would be a file left behind by a process that was killed.
    db.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return db;
  } catch (error) {
    db.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
}

/** Whole or not at all, so that who reads it meanwhile sees one owner. */
function writeOwner(path: string): void {
  const draft = `${path}.${process.pid}`;
  const since = new Date().toISOString();
  writeFileSync(draft, `process ${process.pid} on ${hostname()} since ${since}\n`, { mode: 0o600 });
  renameSync(draft, path);
}

function describeLock({ database, owner }: SqliteFiles): string {
  let holder = "another process";
  try {
    holder = readFileSync(owner, "utf8").trim() || holder;
  } catch {
    // The lock is what counts.
  }
  return `${database} is in use by ${holder}: stop that process, or give this one a folder of its own`;
}
