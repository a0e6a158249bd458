import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, beforeEach, onTestFinished } from "vitest";
import { TimelineEventSchema } from "#gen/parley/message/v1/timeline_pb.js";
import { type Database, openDatabase } from "../database/database.ts";
import { createSqlOutboxStore } from "../database/outbox-store.ts";
import { createOutboxTables, insertOutboxRow, type OutboxTables } from "../database/outbox-table.ts";
import { newId } from "../ids.ts";
import { createLogger } from "../logger.ts";
import { createEmbeddedEventLog } from "./embedded.ts";
import type { EventLog, EventRecord } from "./event-log.ts";
import { createOutbox, type OutboxDeps, type OutboxRow, type OutboxStore } from "./outbox.ts";
import { timelineTopic } from "./topics.ts";

/** For tests: outboxes on a database and a log of their own. */
export interface TestOutbox {
  database: Database<OutboxTables>;
  /** Ends the database and opens it again, as a new process would. */
  reopen(): Promise<void>;
  store(clock?: () => number): OutboxStore;
  /** Announces in a transaction; answers what the service tells its outbox after the commit. */
  commit: (
    firstNumber: number,
    lastNumber?: number,
    row?: { key?: string; topic?: string },
  ) => Promise<TestEntry>;
  /** The first numbers of the rows that are there. */
  rowsLeft(): Promise<number[]>;
  create(deps: Partial<OutboxDeps> & Pick<OutboxDeps, "log">): {
    outbox: ReturnType<typeof createOutbox>;
    run(): void;
  };
}

export type TestEntry = { ids: number[]; topic: typeof timelineTopic; records: EventRecord[] };

const room = newId();
const logger = createLogger({ level: "silent", pretty: false });

/** One database for a test file, empty at the beginning of each test. */
export function useTestOutbox(): TestOutbox {
  let folder: string;
  const open = async () => {
    const migrations = { sqlite: { "0001-outbox": { up: createOutboxTables } }, mssql: {} };
    self.database = await openDatabase<OutboxTables>({
      url: `sqlite:${folder}`,
      name: "message",
      migrations,
      logger,
    });
  };
  const self = {
    async reopen() {
      await self.database.close();
      await open();
    },
    store: (clock) => createSqlOutboxStore({ kysely: self.database.kysely, clock }),
    async commit(firstNumber, lastNumber = firstNumber, { key = room, topic = timelineTopic.name } = {}) {
      const announcement = { topic, key, firstNumber, lastNumber, createdAt: Date.now() };
      const id = await self.database.kysely
        .transaction()
        .execute((trx) => insertOutboxRow(trx, announcement));
      return { ids: [id], topic: timelineTopic, records: recordsOf(announcement) };
    },
    async rowsLeft() {
      const rows = await self.database.kysely
        .selectFrom("outbox")
        .select("first_number")
        .orderBy("id")
        .execute();
      return rows.map((row) => row.first_number);
    },
    create(deps) {
      const settings = { intervalMs: 10, drainMs: 20, ...deps.settings };
      const outbox = createOutbox({
        store: self.store(),
        render: async (row) => recordsOf(row),
        logger,
        ...deps,
        settings,
      });
      const run = () => {
        const running = outbox.run(new AbortController().signal);
        onTestFinished(async () => {
          await outbox.close();
          await running;
        });
      };
      return { outbox, run };
    },
  } as TestOutbox;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "outbox-"));
    await open();
  });
  beforeEach(async () => {
    await self.database.kysely.deleteFrom("outbox").execute();
    await self.database.kysely.deleteFrom("lease").execute();
  });
  afterAll(async () => {
    await self.database.close();
    await rm(folder, { recursive: true });
  });
  return self;
}

/** What a row announces. */
export function recordsOf({ key, firstNumber, lastNumber }: Omit<OutboxRow, "id" | "topic">): EventRecord[] {
  return Array.from({ length: lastNumber - firstNumber + 1 }, (_, index) => ({
    key,
    number: firstNumber + index,
    message: create(TimelineEventSchema, { roomId: key, seq: BigInt(firstNumber + index) }),
  }));
}

/** A log that runs. */
export function createLog(): EventLog {
  const log = createEmbeddedEventLog({ logger, retry: { firstMs: 1, capMs: 2, attempts: 2 } });
  void log.run(new AbortController().signal);
  onTestFinished(() => log.close());
  return log;
}

/** A log whose one group notes what it handles. */
export function createNotingLog() {
  const log = createLog();
  const handled: number[] = [];
  log.subscribe(timelineTopic, "group", (batch) => void handled.push(...numbersOf(batch)));
  return { log, handled };
}

/** A log whose one group is stuck with its first batch until it is released or the log stops. */
export function createStuckLog() {
  const log = createLog();
  const handled: number[] = [];
  const gate = Promise.withResolvers<void>();
  const subscription = log.subscribe(timelineTopic, "group", async (batch, signal) => {
    handled.push(...numbersOf(batch));
    signal.addEventListener("abort", () => gate.reject(signal.reason));
    await gate.promise;
  });
  return { log, handled, subscription, release: () => gate.resolve() };
}

export function numbersOf(batch: readonly EventRecord[]): number[] {
  return batch.map(({ number }) => Number(number));
}
