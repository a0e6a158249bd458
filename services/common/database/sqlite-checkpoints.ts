import { busyTimeoutMs, type OpenConnection } from "./sqlite-connection.ts";

/**
 * Moves what was committed from the write-ahead log into the database file, on the writer's thread, after the answers
 * to those who wait for the commit.
 *
 * Two things are bounded. The log's length: after some megabytes it is copied, so that SQLite begins it anew. And how
 * long erased text can be read in the files: a delete writes zeros over the text (`secure_delete`), but to a new copy
 * of the page, so the text itself stays in older copies in the log, and in the database file until it is copied over.
 * Therefore at the latest `erasureDelayMs` after a write everything is copied and the log is cut to nothing. A read
 * that began before (of a backup, say) can hold that up; it is tried again every second until that read is over. After
 * a crash, opening the database does it first. What the disk itself keeps of freed blocks is out of SQLite's hands.
 */
export interface Checkpoints {
  /** Call after each answer to what may have written. */
  afterWrite(): void;
  /** Cuts the log now, or soon if something is in the way. */
  truncate(): void;
  /** Ends the timer. */
  stop(): void;
}

export interface CheckpointsDeps {
  current: () => OpenConnection | undefined;
  erasureDelayMs: number;
  /** A checkpoint failed: nothing is lost, it will be tried again. */
  onFailure: (error: unknown) => void;
}

/** In pages of 4 KiB. Twice as much is written less often, since busy pages are copied once, but makes longer pauses. */
const logLimit = 2000;
const retryMs = 1000;
/** How long readers are waited for, while writers wait too, in ms. */
const patienceMs = 50;

export function createCheckpoints({ current, erasureDelayMs, onFailure }: CheckpointsDeps): Checkpoints {
  let timer: NodeJS.Timeout | undefined;
  let lastLength = 0;
  let nextCopyAt = logLimit;

  function afterWrite(): void {
    const connection = current();
    if (!connection || connection.db.isTransaction) return;
    const { length } = checkpoint(connection, "NOOP");
    if (length < lastLength) nextCopyAt = logLimit;
    lastLength = length;
    if (length >= nextCopyAt) {
      // While a long read keeps the log from beginning anew, copying after every commit would be in vain.
      nextCopyAt = length + logLimit;
      checkpoint(connection, "PASSIVE");
    }
    if (length > 0) timer ??= setTimeout(onTimer, erasureDelayMs);
  }

  function truncate(): void {
    const connection = current();
    if (!connection) return;
    if (connection.db.isTransaction || !cutLog(connection)) timer ??= setTimeout(onTimer, retryMs);
  }

  function onTimer(): void {
    timer = undefined;
    attempt(truncate);
  }

  function attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      onFailure(error);
      timer ??= setTimeout(onTimer, erasureDelayMs);
    }
  }

  return {
    afterWrite: () => attempt(afterWrite),
    truncate: () => attempt(truncate),
    stop: () => {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}

/** Whether nothing was in the way. */
function cutLog(connection: OpenConnection): boolean {
  connection.db.exec(`PRAGMA busy_timeout = ${patienceMs}`);
  try {
    return !checkpoint(connection, "TRUNCATE").busy;
  } finally {
    connection.db.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
  }
}

function checkpoint(connection: OpenConnection, mode: "NOOP" | "PASSIVE" | "TRUNCATE") {
  const row = connection.execute(`PRAGMA wal_checkpoint(${mode})`, []).rows[0];
  return { busy: row?.busy !== 0, length: Number(row?.log) };
}
