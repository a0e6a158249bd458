import { closeSync, openSync, statSync } from "node:fs";
import { backup, DatabaseSync } from "node:sqlite";
import { DatabaseOpenError, rootMessage } from "./errors.ts";
import { syncFile } from "./sqlite-files.ts";

/** How much of a database is copied, in bytes. */
export type CopyProgress = (done: number, total: number) => void;

/** Pages that are copied at once; nobody waits for it, since readers and the writer don't hinder each other. */
const pagesAtOnce = 1000;

/**
 * Copies a database that may be in use, as it is at this moment: everything whose commit was answered before the call
 * is in the copy, no transaction is in it by half. The copy is one file, for this user alone, checked and on the disk;
 * answers its size in bytes.
 *
 * A read transaction stays open meanwhile. Without it SQLite would begin anew at each commit of another process, and
 * beside a busy Parley never end. It keeps the write-ahead log from being emptied until the copy is done.
 */
export async function copySqlite(from: string, to: string, onProgress: CopyProgress): Promise<number> {
  closeSync(openSync(to, "wx", 0o600));
  await readingAtOneMoment(from, async (source) => {
    const { page_size: pageSize } = source.prepare("PRAGMA page_size").get() as { page_size: number };
    await backup(source, to, {
      rate: pagesAtOnce,
      progress: ({ totalPages, remainingPages }) =>
        onProgress((totalPages - remainingPages) * pageSize, totalPages * pageSize),
    });
  });
  checkSqlite(to);
  syncFile(to);
  return statSync(to).size;
}

/** In bytes, with what is in the write-ahead log. */
export function sizeOfSqlite(path: string): number {
  return [path, `${path}-wal`].reduce(
    (sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}

async function readingAtOneMoment(path: string, read: (db: DatabaseSync) => Promise<void>): Promise<void> {
  const db = openFile(path, { readOnly: true });
  try {
    // The transaction begins with what is read first.
    db.exec("BEGIN; SELECT count(*) FROM sqlite_master");
    await read(db);
  } finally {
    db.close();
  }
}

/**
 * Reads all of a database that nobody uses: its structure, its indexes, that rows which name others name some that are
 * there. Leaves it as a single file, without a write-ahead log. Throws DatabaseOpenError.
 */
export function checkSqlite(path: string): void {
  const db = openFile(path, { readOnly: false });
  try {
    const [fault] = db.prepare("PRAGMA integrity_check(1)").all();
    if (fault?.integrity_check !== "ok") throw new Error(`it is damaged: ${fault?.integrity_check}`);
    const [broken] = db.prepare("PRAGMA foreign_key_check").all();
    if (broken) throw new Error(`rows of ${broken.table} name rows of ${broken.parent} that don't exist`);
    db.exec("PRAGMA journal_mode = DELETE");
  } catch (error) {
    throw new DatabaseOpenError(`${path}: ${rootMessage(error)}`, error);
  } finally {
    db.close();
  }
}

function openFile(path: string, options: { readOnly: boolean }): DatabaseSync {
  try {
    statSync(path);
    return new DatabaseSync(path, { ...options, timeout: 5000 });
  } catch (error) {
    throw new DatabaseOpenError(`can't open ${path}: ${rootMessage(error)}`, error);
  }
}
