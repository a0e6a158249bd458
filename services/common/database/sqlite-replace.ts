import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseOpenError } from "./errors.ts";
import { makeLockFile, sqliteFiles, syncFile, syncFolder } from "./sqlite-files.ts";
import { lockSqlite } from "./sqlite-lock.ts";

/**
 * Replaces what is in a data folder, all of it or nothing that anybody would take for a whole. Several files can't be
 * renamed at once, so a note in the folder says from the first to the last of them that it is not complete, and while it
 * is there no database of the folder is opened. Nothing is deleted: what was there goes into a folder of its own.
 */

const note = "restore.unfinished";

/** What makes up the data, by name: databases, what SQLite keeps beside them, secrets. Locks stay. */
const data = /\.(db|db-wal|db-shm|db-journal|secret)$/;

/** Keeps every process off the databases of a folder, or throws DatabaseLockedError. Answers how to let go. */
export async function lockDataFolder(folder: string, names: readonly string[]): Promise<() => void> {
  const releases: (() => void)[] = [];
  const release = () => {
    for (const each of releases) each();
  };
  try {
    for (const name of names) {
      const files = sqliteFiles(folder, name);
      makeLockFile(folder, files);
      const lock = await lockSqlite(files, { waitMs: 0 });
      releases.push(() => lock.release());
    }
  } catch (error) {
    release();
    throw error;
  }
  return release;
}

/** The names of the files in a folder that hold data. */
export function dataFilesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).filter((name) => data.test(name)) : [];
}

/** Whether replacing was begun there and not finished. */
export function isUnfinished(folder: string): boolean {
  return existsSync(join(folder, note));
}

/** Throws DatabaseOpenError for a folder in which replacing was begun and not finished. */
export function refuseUnfinished(folder: string): void {
  if (!isUnfinished(folder)) return;
  throw new DatabaseOpenError(
    `${folder} is not complete, since a restore of it was interrupted: run \`parley restore\` again`,
  );
}

/**
 * Moves the data files of `from`, a folder on the same disk, into `folder`, and those that are there into `aside`. The
 * locks are held. After a crash it is done again from the beginning.
 */
export function replaceData(folder: string, { from, aside }: { from: string; aside: string }): void {
  writeFileSync(join(folder, note), "", { mode: 0o600 });
  syncFile(join(folder, note));
  syncFolder(folder);
  moveData(folder, aside);
  moveData(from, folder);
  rmSync(join(folder, note));
  syncFolder(folder);
}

function moveData(from: string, to: string): void {
  const names = dataFilesIn(from);
  if (names.length === 0) return;
  mkdirSync(to, { recursive: true, mode: 0o700 });
  for (const name of names) renameSync(join(from, name), join(to, name));
  syncFolder(to);
  syncFolder(from);
}
