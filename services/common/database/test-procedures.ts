import type { DatabaseSync } from "node:sqlite";
import { threadId } from "node:worker_threads";

/** Procedures for the tests of this folder, on the tables of `testMigrations`. */
export interface TestProcedures {
  /** Posts the texts; answers their seqs. */
  append(texts: string[]): number[];
  appendAndThrow(text: string, message: string): void;
  appendDoubled(text: string): void;
  /** The name is a promise's: it must be refused, and nothing stay. */
  appendLater(text: string): Promise<void>;
  threadId(): number;
  exit(code: number): void;
}

export interface TestReads {
  /** The number of messages and the highest seq, by two selects. */
  totals(): { count: number; head: number };
  readerThreadId(): number;
  /** Keeps its reader busy; answers how often it did so. */
  dawdle(ms: number): number;
  write(): void;
}

export function createProcedures(db: DatabaseSync): TestProcedures {
  const advance = db.prepare("UPDATE room SET head = head + 1 WHERE room_id = 1 RETURNING head");
  const insert = db.prepare("INSERT INTO message (room_id, seq, text) VALUES (1, ?, ?)");

  function append(text: string): number {
    const head = Number(advance.get()?.head);
    insert.run(head, text);
    return head;
  }

  return {
    append: (texts) => texts.map(append),
    appendAndThrow(text, message) {
      append(text);
      throw new RangeError(message);
    },
    appendDoubled(text) {
      insert.run(append(text), text);
    },
    async appendLater(text) {
      append(text);
    },
    threadId: () => threadId,
    exit: (code) => process.exit(code),
  };
}

export function createReadProcedures(db: DatabaseSync): TestReads {
  const count = db.prepare("SELECT count(*) AS count FROM message");
  const head = db.prepare("SELECT head FROM room WHERE room_id = 1");
  let dawdled = 0;
  return {
    totals: () => ({ count: Number(count.get()?.count), head: Number(head.get()?.head) }),
    readerThreadId: () => threadId,
    dawdle(ms) {
      const until = performance.now() + ms;
      while (performance.now() < until);
      dawdled += 1;
      return dawdled;
    },
    write: () => db.exec("DELETE FROM message"),
  };
}
