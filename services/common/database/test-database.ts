import { type Kysely, sql } from "kysely";
import pino, { type Logger } from "pino";
import type { Database } from "./database.ts";
import { openSqliteDatabase, type SqliteOptions } from "./sqlite.ts";
import type { TestProcedures, TestReads } from "./test-procedures.ts";

/** A database for the tests of this folder: one room, and its messages. */
export interface TestTables {
  room: { room_id: number; head: number };
  message: { room_id: number; seq: number; text: string; sender: Uint8Array | null };
}

export type TestDatabase = Database<TestTables, TestProcedures, TestReads>;

export const testMigrations = {
  "0001-messages": {
    async up(db: Kysely<unknown>): Promise<void> {
      await sql`CREATE TABLE room (room_id INTEGER PRIMARY KEY, head INTEGER NOT NULL)`.execute(db);
      await sql`
        CREATE TABLE message (
          room_id INTEGER NOT NULL REFERENCES room,
          seq INTEGER NOT NULL,
          text TEXT NOT NULL CHECK (text <> ''),
          sender BLOB,
          PRIMARY KEY (room_id, seq)
        ) WITHOUT ROWID`.execute(db);
      await sql`INSERT INTO room VALUES (1, 0)`.execute(db);
    },
  },
};

export function openTestDatabase(
  options: Partial<SqliteOptions> & { folder: string },
): Promise<TestDatabase> {
  return openSqliteDatabase<TestTables, TestProcedures, TestReads>({
    name: "message",
    migrations: testMigrations,
    procedures: new URL("./test-procedures.ts", import.meta.url),
    logger: pino({ level: "silent" }),
    ...options,
  });
}

/** A logger, and the entries it got. */
export function createRecordingLogger(): { logger: Logger; entries: Record<string, unknown>[] } {
  const entries: Record<string, unknown>[] = [];
  const logger = pino({ base: null }, { write: (line: string) => entries.push(JSON.parse(line)) });
  return { logger, entries };
}
