import { expect, test } from "vitest";
import { forCaller } from "../caller-gone.ts";
import { CancelledError } from "../errors.ts";
import type { TestDatabase } from "./test-database.ts";
import { openForTest, textsOf } from "./test-open.ts";

function createCaller(): { failure: Error | undefined } {
  return { failure: undefined };
}

function post({ kysely }: TestDatabase, seq: number): Promise<unknown> {
  return kysely
    .insertInto("message")
    .values({ room_id: 1, seq, text: `${seq}`, sender: null })
    .execute();
}

test("writes that wait for a transaction are not begun for callers who are gone", async () => {
  const database = await openForTest();
  const { kysely } = database;
  const [gone, here] = [createCaller(), createCaller()];
  let waiting: Promise<PromiseSettledResult<unknown>[]> | undefined;
  await kysely.transaction().execute(async (transaction) => {
    await transaction.updateTable("room").set({ head: 1 }).execute();
    waiting = Promise.allSettled([
      forCaller(gone, () => post(database, 1)),
      forCaller(gone, () =>
        kysely.transaction().execute((db) => db.updateTable("room").set({ head: 9 }).execute()),
      ),
      forCaller(here, () => post(database, 3)),
    ]);
    await database.read("totals");
    gone.failure = new CancelledError();
  });
  const outcomes = (await waiting) ?? [];
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
  expect(outcomes[0]).toMatchObject({ reason: gone.failure });
  expect(await textsOf(database)).toEqual(["3"]);
  expect(await database.read("totals")).toMatchObject({ head: 1 });
});

test("a transaction whose caller left while it was begun does nothing", async () => {
  const { kysely } = await openForTest();
  const gone = createCaller();
  let entered = 0;
  const begun = forCaller(gone, () =>
    kysely.transaction().execute(async () => {
      entered += 1;
    }),
  );
  const refused = expect(begun).rejects.toThrow("the call was cancelled");
  gone.failure = new CancelledError();
  await refused;
  expect(entered).toBe(0);
  await kysely.transaction().execute((db) => db.updateTable("room").set({ head: 1 }).execute());
});

test("reads that wait for a busy reader are not begun for callers who are gone", async () => {
  const database = await openForTest({ readers: 1 });
  const gone = createCaller();
  const reads = Array.from({ length: 200 }, () => forCaller(gone, () => database.read("dawdle", 5)));
  gone.failure = new CancelledError();
  const outcomes = await Promise.allSettled(reads);
  const refused = outcomes.filter(({ status }) => status === "rejected").length;
  // Those that the reader was handed already are read.
  expect(refused).toBeGreaterThan(150);
  expect(await database.read("dawdle", 0)).toBe(201 - refused);
});

test("what is several callers' work asks nobody", async () => {
  const database = await openForTest();
  const gone = createCaller();
  gone.failure = new CancelledError();
  expect(await forCaller(gone, () => database.call("append", ["text"]))).toEqual([1]);
});
