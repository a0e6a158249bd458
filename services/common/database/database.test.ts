import { type Kysely, sql } from "kysely";
import { expect, onTestFinished, test } from "vitest";
import { UnavailableError } from "../errors.ts";
import { createLogger } from "../logger.ts";
import { type Database, openDatabase } from "./database.ts";
import { TransactionConflictError, UniqueViolationError } from "./errors.ts";
import { lockNamed } from "./named-lock.ts";
import { sqlFiles } from "./sql-files.ts";
import { testFolder } from "./test-folder.ts";
import { testDatabaseUrl } from "./test-place.ts";
import { transact } from "./transact.ts";

/** What the port promises, whichever database it is on. */

interface Tables {
  item: { item_id: Uint8Array; name: string; number: number | null; body: Uint8Array | null };
}

const migrations = {
  sqlite: {
    "0001-items": {
      async up(db: Kysely<unknown>): Promise<void> {
        await sql`create table item (item_id blob primary key, name text not null unique, number integer, body blob)
          without rowid`.execute(db);
      },
    },
  },
  mssql: { "0001-items": sqlFiles(new URL("./test-items.sql", import.meta.url)) },
};

async function open(url?: string): Promise<Database<Tables>> {
  const database = await openDatabase<Tables>({
    url: url ?? (await testDatabaseUrl(testFolder())),
    name: "room",
    migrations,
    logger: createLogger({ level: "silent", pretty: false }),
  });
  onTestFinished(() => database.close());
  return database;
}

function item(n: number, more: Partial<Tables["item"]> = {}): Tables["item"] {
  return { item_id: new Uint8Array(16).fill(n), name: `item ${n}`, number: n, body: null, ...more };
}

test("values come back as they were given", async () => {
  const { kysely } = await open();
  const items = [
    item(1, { name: "Zoë 🦊 'quoted'", number: 2 ** 53 - 1, body: new Uint8Array([0, 1, 255]) }),
    item(2, { number: null, body: new Uint8Array(20_000).fill(7) }),
    item(3, { name: "zoë", number: -5 }),
  ];
  await kysely.insertInto("item").values(items).execute();
  expect(await kysely.selectFrom("item").selectAll().orderBy("item_id").execute()).toEqual(items);
});

test("keys compare by code point, and every letter counts", async () => {
  const { kysely } = await open();
  const names = ["B", "a", "A", "é", "e", "b"];
  await kysely
    .insertInto("item")
    .values(names.map((name, index) => item(index, { name })))
    .execute();
  const rows = await kysely.selectFrom("item").select("name").orderBy("name").limit(4).execute();
  expect(rows.map(({ name }) => name)).toEqual(["A", "B", "a", "b"]);
});

test("statements tell what they did", async () => {
  const { kysely } = await open();
  await kysely
    .insertInto("item")
    .values([item(1), item(2), item(3)])
    .execute();
  const updated = await kysely
    .updateTable("item")
    .set({ number: 9 })
    .where("number", ">", 1)
    .executeTakeFirst();
  expect(updated.numUpdatedRows).toBe(2n);
  const returned = await kysely
    .updateTable("item")
    .set((eb) => ({ number: eb("number", "+", 1) }))
    .where("name", "=", "item 2")
    .returningAll()
    .execute();
  expect(returned).toEqual([item(2, { number: 10 })]);
  const deleted = await kysely.deleteFrom("item").where("number", "=", 9).returning("name").execute();
  expect(deleted).toEqual([{ name: "item 3" }]);
  expect(await kysely.selectFrom("item").select("name").limit(1).execute()).toHaveLength(1);
});

test("more values fit in a statement than a server takes parameters", async () => {
  const { kysely } = await open();
  const items = Array.from({ length: 900 }, (_, index) =>
    item(0, { item_id: Buffer.from(String(index).padStart(16, "0")), name: `it's ${index}` }),
  );
  await kysely.insertInto("item").values(items).execute();
  const ids = items.map(({ item_id }) => item_id);
  const found = await kysely.selectFrom("item").select("name").where("item_id", "in", ids).execute();
  expect(found).toHaveLength(900);
});

test("a doubled key is told by its columns", async () => {
  const { kysely } = await open();
  await kysely.insertInto("item").values(item(1)).execute();
  const error = await kysely
    .insertInto("item")
    .values(item(2, { name: "item 1" }))
    .execute()
    .catch((error: unknown) => error);
  expect(error).toBeInstanceOf(UniqueViolationError);
  expect(error).toMatchObject({ table: "item", columns: ["name"] });
});

test("a transaction is whole or not at all", async () => {
  const { kysely } = await open();
  const failing = kysely.transaction().execute(async (tx) => {
    await tx.insertInto("item").values(item(1)).execute();
    throw new RangeError("no");
  });
  await expect(failing).rejects.toThrow(RangeError);
  const doubling = kysely.transaction().execute(async (tx) => {
    await tx.insertInto("item").values(item(2)).execute();
    await tx.insertInto("item").values(item(2)).execute();
  });
  await expect(doubling).rejects.toThrow(UniqueViolationError);
  await kysely.transaction().execute((tx) => tx.insertInto("item").values(item(3)).execute());
  expect(await kysely.selectFrom("item").select("number").execute()).toEqual([{ number: 3 }]);
});

test("who updates a row holds it: what is read after that was left by the one before", async () => {
  const { kysely } = await open();
  await kysely
    .insertInto("item")
    .values(item(1, { number: 0 }))
    .execute();
  const increase = () =>
    transact(kysely, async (tx) => {
      await tx
        .updateTable("item")
        .set((eb) => ({ name: eb.ref("name") }))
        .execute();
      const row = await tx.selectFrom("item").selectAll().executeTakeFirstOrThrow();
      await tx
        .updateTable("item")
        .set({ number: (row.number ?? 0) + 1 })
        .execute();
    });
  await Promise.all(Array.from({ length: 20 }, increase));
  expect(await kysely.selectFrom("item").select("number").execute()).toEqual([{ number: 20 }]);
});

test("of transactions that make the same key at once one does, and the others find it", async () => {
  const { kysely } = await open();
  const ensure = (n: number) =>
    transact(kysely, async (tx) => {
      const found = await tx.selectFrom("item").select("number").where("name", "=", "one").executeTakeFirst();
      if (found) return found.number;
      await tx
        .insertInto("item")
        .values(item(n, { name: "one" }))
        .execute();
      return n;
    });
  const answers = await Promise.all([1, 2, 3, 4, 5].map(ensure));
  expect(new Set(answers).size).toBe(1);
});

test("transactions that lock crosswise both happen, one after the other", async () => {
  const { kysely } = await open();
  await kysely
    .insertInto("item")
    .values([item(1), item(2)])
    .execute();
  const cross = (first: number, second: number) =>
    transact(kysely, async (tx) => {
      for (const n of [first, second]) {
        await tx
          .updateTable("item")
          .set((eb) => ({ number: eb("number", "+", 1) }))
          .where("name", "=", `item ${n}`)
          .execute();
      }
    });
  await Promise.all(Array.from({ length: 4 }, (_, index) => (index % 2 ? cross(1, 2) : cross(2, 1))));
  const rows = await kysely.selectFrom("item").select("number").orderBy("name").execute();
  expect(rows).toEqual([{ number: 5 }, { number: 6 }]);
}, 30_000);

test("a named lock is one transaction's at a time", async () => {
  const { kysely } = await open();
  let inside = 0;
  let most = 0;
  const enter = () =>
    kysely.transaction().execute(async (tx) => {
      await lockNamed(tx, "test");
      inside += 1;
      most = Math.max(most, inside);
      await tx.selectFrom("item").selectAll().execute();
      inside -= 1;
    });
  await Promise.all([enter(), enter(), enter()]);
  expect(most).toBe(1);
});

test("who only reads sees one moment", async () => {
  const { kysely } = await open();
  await kysely.insertInto("item").values(item(1)).execute();
  const counts = await kysely
    .transaction()
    .setAccessMode("read only")
    .execute(async (tx) => {
      const before = await tx.selectFrom("item").select("number").execute();
      await kysely.insertInto("item").values(item(2)).execute();
      return [before.length, (await tx.selectFrom("item").select("number").execute()).length];
    });
  expect(counts).toEqual([1, 1]);
  await kysely.insertInto("item").values(item(3)).execute();
});

test("a transaction in which nothing is asked is undone, and others get at what it held", async () => {
  const { kysely } = await open();
  await kysely.insertInto("item").values(item(1)).execute();
  const abandoned = await kysely.startTransaction().execute();
  await abandoned.updateTable("item").set({ number: 7 }).execute();
  const write = () =>
    kysely
      .updateTable("item")
      .set({ body: new Uint8Array(1) })
      .execute();
  await expect.poll(() => write().then(() => "written", String), { timeout: 20_000 }).toBe("written");
  expect(await kysely.selectFrom("item").select("number").execute()).toEqual([{ number: 1 }]);
  await expect(abandoned.selectFrom("item").selectAll().execute()).rejects.toThrow(UnavailableError);
  await abandoned.rollback().execute();
}, 60_000);

test("a closed database refuses what comes", async () => {
  const database = await open();
  await database.kysely.insertInto("item").values(item(1)).execute();
  await database.close();
  await expect(database.kysely.selectFrom("item").selectAll().execute()).rejects.toThrow(UnavailableError);
});

test("conflicts are told apart from other outages, and are outages to everybody else", () => {
  expect(new TransactionConflictError(new Error("1205"))).toBeInstanceOf(UnavailableError);
});
