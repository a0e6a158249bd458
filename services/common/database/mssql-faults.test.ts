import { describe, expect, onTestFinished, test } from "vitest";
import { pause } from "../backoff.ts";
import { UnavailableError } from "../errors.ts";
import { createLogger } from "../logger.ts";
import { type Database, openDatabase } from "./database.ts";
import { sqlFiles } from "./sql-files.ts";
import { testFolder } from "./test-folder.ts";
import { endSessions, openSession, type TestSession } from "./test-mssql.ts";
import type { CountProcedures, IncreaseProcedures } from "./test-mssql-procedures.ts";
import { testDatabaseUrl, testServer } from "./test-place.ts";
import { startTestRelay } from "./test-relay.ts";
import { transact } from "./transact.ts";

interface Tables {
  item: { item_id: Uint8Array; name: string; number: number | null; body: Uint8Array | null };
}

type TestDatabase = Database<Tables, IncreaseProcedures, CountProcedures>;

const sqlFile = (name: string) => sqlFiles(new URL(name, import.meta.url));
const migrations = {
  sqlite: {},
  mssql: { "0001-items": sqlFile("./test-items.sql"), "0002-increase": sqlFile("./test-increase.sql") },
};
const module = new URL("./test-mssql-procedures.ts", import.meta.url);

/** With few connections, since the first statements of each cost some servers seconds. */
async function open(server: string, options: Record<string, number> = {}): Promise<TestDatabase> {
  const url = new URL(server);
  for (const [name, value] of Object.entries({ poolSize: 3, ...options })) {
    url.searchParams.set(name, String(value));
  }
  const database = await openDatabase<Tables, IncreaseProcedures, CountProcedures>({
    url: url.href,
    name: "room",
    migrations,
    procedures: { sqlite: module, mssql: module },
    logger: createLogger({ level: "silent", pretty: false }),
  });
  onTestFinished(() => database.close());
  return database;
}

const item = (number: number, name: string): Tables["item"] => ({
  item_id: Buffer.from(name.padStart(16, "0")),
  name,
  number,
  body: null,
});

const touch = ({ kysely }: Pick<TestDatabase, "kysely">, name: string) =>
  kysely
    .updateTable("item")
    .set((eb) => ({ number: eb("number", "+", 1) }))
    .where("name", "=", name)
    .execute();

const numbersIn = async ({ kysely }: TestDatabase) =>
  (await kysely.selectFrom("item").select("number").orderBy("name").execute()).map(({ number }) => number);

/** Each new connection costs some servers seconds, and on a busy machine many. */
const patienceMs = 240_000;
const timeout = 900_000;
const items = ["item 1", "item 2", "item 3"] as const;

/** A database with three items, and others' sessions on it, each in a transaction that has locked one of them. */
async function openWithItems(options: Record<string, number> = {}) {
  const url = await testDatabaseUrl(testFolder());
  const database = await open(url, options);
  await database.kysely
    .insertInto("item")
    .values(items.map((name) => item(0, name)))
    .execute();
  async function holder(name: string): Promise<TestSession> {
    const session = await openSession(url);
    onTestFinished(() => session.rollback());
    await session.run(lock(name));
    return session;
  }
  return { url, database, holder };
}

const lock = (name: string) => `update room.item set number = number where name = '${name}'`;

describe.runIf(testServer !== undefined)("a SQL Server that fails", () => {
  test("a lock that is not to be had in time: unavailable, and nothing has changed", async () => {
    const { database, holder } = await openWithItems({ lockTimeout: 500 });
    const { rollback } = await holder("item 2");
    const blocked = [
      touch(database, "item 2"),
      transact(database.kysely, async (tx) => {
        await touch({ kysely: tx }, "item 1");
        await touch({ kysely: tx }, "item 2");
      }),
      database.call("increase", ...items),
    ];
    for (const answer of await Promise.allSettled(blocked)) {
      expect(answer.status === "rejected" && answer.reason).toBeInstanceOf(UnavailableError);
    }
    await rollback();
    expect(await numbersIn(database)).toEqual([0, 0, 0]);
    await database.call("increase", ...items);
    expect(await numbersIn(database)).toEqual([1, 1, 1]);
  });

  test("a procedure that is a deadlock's victim is called again", async () => {
    const { url, database, holder } = await openWithItems();
    const prober = await open(url, { lockTimeout: 100 });
    const isFree = () =>
      touch(prober, "item 1").then(
        () => true,
        () => false,
      );
    /**
     * The procedure has the first item and waits for the second, the other has the third and asks for the first. Then
     * the procedure gets the second and asks for the third. Answers whether the other one got what it had asked for.
     */
    async function round(): Promise<boolean> {
      const [second, third] = [await holder("item 2"), await holder("item 3")];
      await third.run("set deadlock_priority high").catch(() => {});
      const increased = database.call("increase", ...items);
      await expect.poll(isFree, { interval: 5 }).toBe(false);
      const asked = third.run(lock("item 1")).then(
        () => true,
        () => false,
      );
      await second.rollback();
      const got = await asked;
      await third.rollback();
      await increased;
      return got;
    }
    let rounds = 0;
    const another = () => {
      rounds += 1;
      return round();
    };
    await expect.poll(another, { timeout: 100_000 }).toBe(true);
    expect((await numbersIn(database)).slice(1)).toEqual([rounds, rounds]);
  });

  test("a server that fails over under load: nothing acknowledged is lost, and it goes on by itself", {
    timeout,
  }, async () => {
    const relay = await startTestRelay(await testDatabaseUrl(testFolder()));
    const database = await open(relay.url, { poolSize: 4 });
    const load = await startLoad(database);
    for (let round = 0; round < 2; round += 1) {
      await load.acknowledges(10);
      relay.cut();
      await load.fails(10);
      await relay.mend();
    }
    await load.acknowledges(10);
    await load.endAndCheck();
  });

  test("a server that ends all sessions under load: the same", { timeout }, async () => {
    const url = await testDatabaseUrl(testFolder());
    const database = await open(url, { poolSize: 4 });
    const load = await startLoad(database);
    for (let round = 0; round < 2; round += 1) {
      await load.acknowledges(10);
      await endSessions(url);
    }
    await load.acknowledges(10);
    await load.endAndCheck();
  });
});

/** Writers, by statements, transactions and procedures, and readers, that go on whatever fails. */
async function startLoad(database: TestDatabase) {
  const ending = new AbortController();
  const acknowledged: string[] = [];
  const failures: unknown[] = [];
  let done = 0;
  let increases = 0;

  async function repeat(step: (n: number) => Promise<void>): Promise<void> {
    for (let n = 0; !ending.signal.aborted; n += 1) {
      try {
        await step(n);
        done += 1;
      } catch (error) {
        failures.push(error);
        await pause(10, ending.signal);
      }
    }
  }

  const insert = ({ kysely }: Pick<TestDatabase, "kysely">, name: string) =>
    kysely.insertInto("item").values(item(0, name)).execute();
  await database.kysely
    .insertInto("item")
    .values(items.map((name) => item(0, name)))
    .execute();
  const running = [
    repeat(async (n) => {
      await insert(database, `alone ${n}`);
      acknowledged.push(`alone ${n}`);
    }),
    repeat(async (n) => {
      const names = [`pair ${n} one`, `pair ${n} two`];
      await transact(database.kysely, async (tx) => {
        for (const name of names) await insert({ kysely: tx }, name);
      });
      acknowledged.push(...names);
    }),
    repeat(async () => {
      await database.call("increase", ...items);
      increases += 1;
    }),
    repeat(async () => void (await database.read("count"))),
  ];

  return {
    acknowledges(count: number) {
      const goals = [acknowledged.length + count, increases + 3, done + 2 * count];
      const isThere = () => [acknowledged.length, increases, done].every((n, i) => n >= goals[i]!);
      return expect.poll(isThere, { timeout: patienceMs }).toBe(true);
    },
    fails(count: number) {
      const goal = failures.length + count;
      return expect.poll(() => failures.length, { timeout: patienceMs }).toBeGreaterThanOrEqual(goal);
    },
    async endAndCheck() {
      ending.abort();
      await Promise.all(running);
      const unexpected = failures.filter((error) => !(error instanceof UnavailableError));
      expect(unexpected).toEqual([]);
      const rows = await database.kysely.selectFrom("item").select(["name", "number"]).execute();
      const kept = new Map(rows.map(({ name, number }) => [name, number]));
      expect(acknowledged.filter((name) => !kept.has(name))).toEqual([]);
      // Of what was not acknowledged anything may be there, but whole.
      const pairs = [...kept.keys()].filter((name) => name.startsWith("pair"));
      expect(pairs.filter((name) => !kept.has(pairOf(name)))).toEqual([]);
      expect(kept.get("item 1")).toBeGreaterThanOrEqual(increases);
      expect(items.map((name) => kept.get(name))).toEqual(Array(3).fill(kept.get("item 1")));
    },
  };
}

const pairOf = (name: string) =>
  name.endsWith("one") ? name.replace(/one$/, "two") : name.replace(/two$/, "one");
