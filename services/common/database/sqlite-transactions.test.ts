import { sql } from "kysely";
import { expect, test } from "vitest";
import { UnavailableError } from "../errors.ts";
import type { TestDatabase } from "./test-database.ts";
import { openForTest, textsOf } from "./test-open.ts";

test("a transaction keeps other writers out until it ends, and they go on in their order", async () => {
  const database = await openForTest();
  const { kysely } = database;
  const order: string[] = [];
  const others: Promise<unknown>[] = [];
  await kysely.transaction().execute(async (transaction) => {
    await transaction.updateTable("room").set({ head: 10 }).execute();
    // Each queues up before the next; readers are not kept out, and don't see what isn't committed.
    others.push(database.call("append", ["called"]).then(([seq]) => order.push(`call ${seq}`)));
    others.push(addTen(kysely).then((head) => order.push(`transaction ${head}`)));
    expect(await database.read("totals")).toEqual({ count: 0, head: 0 });
    others.push(database.call("append", ["called later"]).then(([seq]) => order.push(`call ${seq}`)));
    expect(await database.read("totals")).toEqual({ count: 0, head: 0 });
    await transaction.updateTable("room").set({ head: 20 }).execute();
    expect(order).toEqual([]);
  });
  await Promise.all(others);
  expect(order).toEqual(["call 21", "transaction 31", "call 32"]);
});

function addTen(kysely: TestDatabase["kysely"]): Promise<number> {
  return kysely.transaction().execute(async (transaction) => {
    const { head } = await transaction.selectFrom("room").select("head").executeTakeFirstOrThrow();
    await transaction
      .updateTable("room")
      .set({ head: head + 10 })
      .execute();
    return head + 10;
  });
}

test("many transactions and calls at once lose nothing", async () => {
  const database = await openForTest();
  const { kysely } = database;
  const increment = () =>
    kysely.transaction().execute(async (transaction) => {
      const { head } = await transaction.selectFrom("room").select("head").executeTakeFirstOrThrow();
      await transaction
        .insertInto("message")
        .values({ room_id: 1, seq: head + 1, text: "from a transaction", sender: null })
        .execute();
      await transaction
        .updateTable("room")
        .set({ head: head + 1 })
        .execute();
    });
  await Promise.all(
    Array.from({ length: 60 }, (_, index) => (index % 2 ? increment() : database.call("append", ["x"]))),
  );
  expect(await database.read("totals")).toEqual({ count: 60, head: 60 });
});

test("a transaction that throws is undone", async () => {
  const database = await openForTest();
  const failing = database.kysely.transaction().execute(async (transaction) => {
    await transaction.updateTable("room").set({ head: 5 }).execute();
    throw new Error("changed my mind");
  });
  await expect(failing).rejects.toThrow("changed my mind");
  expect(await database.read("totals")).toEqual({ count: 0, head: 0 });
});

test("a read-only transaction sees one snapshot and keeps no writer out", async () => {
  const database = await openForTest({ readers: 1 });
  await database.call("append", ["a"]);
  await database.kysely
    .transaction()
    .setAccessMode("read only")
    .execute(async (transaction) => {
      const before = await transaction.selectFrom("message").select("seq").execute();
      await database.call("append", ["b"]);
      expect(await transaction.selectFrom("message").select("seq").execute()).toEqual(before);
    });
  expect(await textsOf(database)).toEqual(["a", "b"]);
});

test("an abandoned transaction is rolled back, and the others go on", async () => {
  const database = await openForTest({ idleTimeoutMs: 50 });
  const begun = Promise.withResolvers<void>();
  const resumed = Promise.withResolvers<void>();
  const forgotten = database.kysely.transaction().execute(async (transaction) => {
    await transaction.updateTable("room").set({ head: 5 }).execute();
    begun.resolve();
    await resumed.promise;
    await transaction.updateTable("room").set({ head: 6 }).execute();
  });
  await begun.promise;
  expect(await database.call("append", ["a"])).toEqual([1]);
  resumed.resolve();
  await expect(forgotten).rejects.toThrow(UnavailableError);
  expect(await database.read("totals")).toEqual({ count: 1, head: 1 });
});

test("a controlled transaction that is released without an end is rolled back", async () => {
  const database = await openForTest();
  const transaction = await database.kysely.startTransaction().execute();
  await transaction.updateTable("room").set({ head: 5 }).execute();
  await transaction.rollback().execute();
  await expect(transaction.updateTable("room").set({ head: 6 }).execute()).rejects.toThrow("rolled back");
  expect(await database.call("append", ["a"])).toEqual([1]);
});

test("transactions by raw SQL are refused, since they would take in what others write", async () => {
  const database = await openForTest();
  await expect(sql`BEGIN`.execute(database.kysely)).rejects.toThrow("kysely.transaction()");
  expect(await database.call("append", ["a"])).toEqual([1]);
});
