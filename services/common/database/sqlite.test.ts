import { statSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import { expect, test } from "vitest";
import { UnavailableError } from "../errors.ts";
import { UniqueViolationError } from "./errors.ts";
import { openTestDatabase } from "./test-database.ts";
import { testFolder } from "./test-folder.ts";
import { openForTest, textsOf } from "./test-open.ts";

test("queries run, and say what they did", async () => {
  const { kysely } = await openForTest();
  const sender = Buffer.from("0123456789abcdef");
  const inserted = await kysely
    .insertInto("message")
    .values({ room_id: 1, seq: 1, text: "hello", sender })
    .executeTakeFirstOrThrow();
  expect(inserted.numInsertedOrUpdatedRows).toBe(1n);

  const message = await kysely.selectFrom("message").selectAll().executeTakeFirstOrThrow();
  expect(message).toEqual({ room_id: 1, seq: 1, text: "hello", sender: new Uint8Array(sender) });

  const room = await kysely.insertInto("room").values({ room_id: 7, head: 0 }).executeTakeFirstOrThrow();
  expect(room.insertId).toBe(7n);
  const updated = await kysely.updateTable("room").set({ head: 9 }).executeTakeFirstOrThrow();
  expect(updated.numUpdatedRows).toBe(2n);
  const returned = await kysely.deleteFrom("room").where("room_id", "=", 7).returning("head").execute();
  expect(returned).toEqual([{ head: 9 }]);
});

test("integers up to 2^53 are numbers, beyond they fail", async () => {
  const { kysely } = await openForTest();
  const largest = await sql<{ n: number }>`SELECT ${2n ** 53n - 1n} AS n`.execute(kysely);
  expect(largest.rows).toEqual([{ n: 2 ** 53 - 1 }]);
  await expect(sql`SELECT ${2n ** 53n} AS n`.execute(kysely)).rejects.toThrow("too large");
});

test("procedures write on one thread and read on another", async () => {
  const database = await openForTest();
  expect(await database.call("append", ["a", "b"])).toEqual([1, 2]);
  expect(await database.read("totals")).toEqual({ count: 2, head: 2 });
  expect(await database.call("threadId")).not.toBe(await database.read("readerThreadId"));
  await expect(database.read("write")).rejects.toThrow(UnavailableError);
  expect(await database.read("totals")).toEqual({ count: 2, head: 2 });
});

test("what a throwing procedure did is undone, and its error arrives", async () => {
  const database = await openForTest();
  const error = await database.call("appendAndThrow", "a", "no good").catch((error: unknown) => error);
  expect(error).toMatchObject({ name: "RangeError", message: "no good" });
  expect((error as Error).stack).toContain("test-procedures.ts");
  await expect(database.call("appendLater", "b")).rejects.toThrow("must not be async");
  expect(await database.call("append", ["c"])).toEqual([1]);
  expect(await textsOf(database)).toEqual(["c"]);
});

test("arguments that can't cross harm only their own call", async () => {
  const database = await openForTest();
  await expect(database.call("append", [(() => 1) as never])).rejects.toThrow("could not be cloned");
  await expect(database.call("constructor" as "append", [])).rejects.toThrow("no procedure");
  expect(await database.call("append", ["a"])).toEqual([1]);
});

test("calls run in the order given, whether or not they were awaited", async () => {
  const database = await openForTest();
  const seqs = await Promise.all(
    Array.from({ length: 100 }, (_, index) => database.call("append", [`${index}`])),
  );
  expect(seqs.flat()).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
});

test("whoever was told of a commit reads it", async () => {
  const database = await openForTest({ readers: 2 });
  for (let count = 1; count <= 50; count++) {
    await database.call("append", [`${count}`]);
    expect(await database.read("totals")).toEqual({ count, head: count });
    expect(await textsOf(database)).toHaveLength(count);
  }
});

test("a doubled key is named, and the transaction it happened in can go on", async () => {
  const database = await openForTest();
  const { kysely } = database;
  const error = await database.call("appendDoubled", "a").catch((error: unknown) => error);
  expect(error).toBeInstanceOf(UniqueViolationError);
  expect(error).toMatchObject({ table: "message", columns: ["room_id", "seq"] });

  await kysely.transaction().execute(async (transaction) => {
    const room = transaction.insertInto("room").values({ room_id: 1, head: 0 }).execute();
    await expect(room).rejects.toMatchObject({ table: "room", columns: ["room_id"] });
    await transaction.insertInto("room").values({ room_id: 2, head: 0 }).execute();
  });
  expect(await kysely.selectFrom("room").select("room_id").execute()).toHaveLength(2);

  await sql`CREATE UNIQUE INDEX message_by_folded_text ON message (lower(text))`.execute(kysely);
  await database.call("append", ["Text"]);
  const index = "message_by_folded_text";
  await expect(database.call("append", ["tEXT"])).rejects.toMatchObject({
    name: "UniqueViolationError",
    index,
  });
});

test("other violations keep SQLite's words", async () => {
  const { kysely } = await openForTest();
  const orphan = { room_id: 9, seq: 1, text: "x", sender: null };
  await expect(kysely.insertInto("message").values(orphan).execute()).rejects.toThrow("FOREIGN KEY");
  const empty = { room_id: 1, seq: 1, text: "", sender: null };
  await expect(kysely.insertInto("message").values(empty).execute()).rejects.toMatchObject({ errcode: 275 });
});

test("closing lets what was asked finish and refuses what comes after", async () => {
  const folder = testFolder();
  const database = await openTestDatabase({ folder });
  const asked: Promise<unknown>[] = [];
  await database.kysely.transaction().execute(async (transaction) => {
    await transaction.updateTable("room").set({ head: 5 }).execute();
    asked.push(database.call("append", ["a"]), database.close());
    await transaction.updateTable("room").set({ head: 6 }).execute();
  });
  await expect(database.call("append", ["b"])).rejects.toThrow("closed");
  await expect(textsOf(database)).rejects.toThrow("closed");
  expect(await asked[0]).toEqual([7]);
  await asked[1];
  await database.close();

  const again = await openTestDatabase({ folder });
  expect(await again.read("totals")).toEqual({ count: 1, head: 7 });
  await again.close();
});

test("folder and files are for this user alone", async () => {
  const folder = join(testFolder(), "deep", "data");
  const database = await openForTest({ folder });
  await database.call("append", ["a"]);
  const mode = (name: string) => (statSync(join(folder, name)).mode & 0o777).toString(8);
  expect(mode(".")).toBe("700");
  for (const name of ["message.db", "message.db-wal", "message.db-shm", "message.lock", "message.owner"]) {
    expect([name, mode(name)]).toEqual([name, "600"]);
  }
});
