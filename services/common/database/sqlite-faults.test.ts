import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import { expect, onTestFinished, test } from "vitest";
import { UnavailableError } from "../errors.ts";
import { DatabaseOpenError } from "./errors.ts";
import { createRecordingLogger, openTestDatabase } from "./test-database.ts";
import { testFolder } from "./test-folder.ts";
import { startTestProcess, type TestProcess } from "./test-process.ts";

/** Of the files that the process writes. Growing them further fails with EFBIG, which to SQLite is an I/O error. */
function limitFileSize({ pid, user }: TestProcess, bytes: number | "unlimited"): void {
  execFileSync("prlimit", [`--pid=${pid}`, `--fsize=${bytes}:`], user);
}

const large = "x".repeat(100_000);

test("while the disk is full writes are unavailable and reads go on; then writes work again", async () => {
  const { logger, entries } = createRecordingLogger();
  const database = await openTestDatabase({ folder: testFolder(), logger });
  onTestFinished(() => database.close());
  const { kysely } = database;
  await database.call("append", ["before"]);
  // No disk: SQLite answers the same when the file may not grow.
  const { rows } = await sql<{ page_count: number }>`PRAGMA page_count`.execute(kysely);
  await sql.raw(`PRAGMA max_page_count = ${rows[0]?.page_count}`).execute(kysely);

  await expect(database.call("append", [large])).rejects.toThrow(UnavailableError);
  const transaction = kysely.transaction().execute(async (transaction) => {
    await transaction.updateTable("room").set({ head: 50 }).execute();
    const message = { room_id: 1, seq: 50, text: large, sender: null };
    await transaction
      .insertInto("message")
      .values(message)
      .execute()
      .catch(() => {});
    // SQLite has undone the whole: what follows must not be written on its own.
    await transaction.updateTable("room").set({ head: 51 }).execute();
  });
  await expect(transaction).rejects.toThrow(UnavailableError);
  expect(await database.read("totals")).toEqual({ count: 1, head: 1 });

  await sql`PRAGMA max_page_count = 1000000`.execute(kysely);
  expect(await database.call("append", [large])).toEqual([2]);
  expect(await database.read("totals")).toEqual({ count: 2, head: 2 });
  const messages = entries.map(({ msg }) => msg).filter((msg) => msg !== "database migrated");
  expect(messages).toEqual(["database unavailable", "database works again"]);
  expect(entries.at(-2)).toMatchObject({ err: { message: "database or disk is full", errcode: 13 } });
});

test.runIf(process.platform === "linux")("after I/O errors writes work again", async () => {
  const other = await startTestProcess(testFolder());
  expect(await other.append("before")).toBe(1);
  limitFileSize(other, 50_000);
  expect(await other.append(large)).toBe("UnavailableError");
  expect(await other.append(large)).toBe("UnavailableError");
  expect(await other.count()).toBe(1);
  limitFileSize(other, "unlimited");
  expect(await other.append(large)).toBe(2);
  expect(await other.count()).toBe(2);
});

test.runIf(process.platform === "linux")(
  "after a time of a file that can't be written writes work again",
  async () => {
    const folder = testFolder();
    const path = join(folder, "message.db");
    // Root may write anything.
    const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    if (user.uid !== undefined) chownSync(folder, user.uid, user.gid);
    const other = await startTestProcess(folder, { user, readers: 0 });
    expect(await other.append("before")).toBe(1);

    // The connection is lost, and then finds nothing, and then a file to read only. (There are no readers, since SQLite
    // goes on using a descriptor of the file as long as it has any.)
    limitFileSize(other, 50_000);
    expect(await other.append(large)).toBe("UnavailableError");
    limitFileSize(other, "unlimited");
    renameSync(path, `${path}.moved`);
    expect(await other.append("lost")).toBe("UnavailableError");
    expect(existsSync(path)).toBe(false);
    chmodSync(`${path}.moved`, 0o400);
    renameSync(`${path}.moved`, path);
    expect(await other.append("lost")).toBe("UnavailableError");

    // The log took the mode of the file.
    for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o600);
    expect(await other.append("after")).toBe(2);
    expect(await other.count()).toBe(2);
  },
);

test("a thread that ends takes the database with it, and that is told once", async () => {
  const folder = testFolder();
  const fatal: Error[] = [];
  const database = await openTestDatabase({ folder, onFatal: (error) => fatal.push(error) });
  const asked = Promise.allSettled([database.call("exit", 3), database.call("append", ["a"])]);
  expect(await asked).toMatchObject([
    { status: "rejected", reason: { name: "UnavailableError" } },
    { status: "rejected", reason: { name: "UnavailableError" } },
  ]);
  expect(fatal).toMatchObject([{ message: "thread message-writer ended with exit code 3" }]);
  await expect(database.call("append", ["b"])).rejects.toThrow(UnavailableError);
  await expect(database.read("totals")).rejects.toThrow(UnavailableError);
  await database.close();

  const again = await openTestDatabase({ folder, lockWaitMs: 0 });
  expect(await again.call("append", ["c"])).toEqual([1]);
  await again.close();
});

test("what can't be opened says which file and why", async () => {
  const folder = testFolder();
  const path = join(folder, "message.db");
  writeFileSync(path, "this is no database, but long enough to look at".repeat(100));
  const opening = openTestDatabase({ folder });
  await expect(opening).rejects.toThrow(DatabaseOpenError);
  await expect(opening).rejects.toThrow(`can't open ${path}: file is not a database`);

  writeFileSync(join(folder, "file"), "");
  await expect(openTestDatabase({ folder: join(folder, "file") })).rejects.toThrow("can't open");
});

test("procedures that fit no table are found when the database is opened", async () => {
  const migrations = { "0001-nothing": { up: async () => {} } };
  // By the writer or by the reader, whichever is first.
  await expect(openTestDatabase({ folder: testFolder(), migrations })).rejects.toThrow(
    /no such table: (room|message)/,
  );
});
