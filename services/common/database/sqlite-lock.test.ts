import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { migrationStatus } from "./database.ts";
import { DatabaseLockedError } from "./errors.ts";
import { openTestDatabase, testMigrations } from "./test-database.ts";
import { testFolder } from "./test-folder.ts";
import { startTestProcess } from "./test-process.ts";

test("a second process is told who has the database", async () => {
  const folder = testFolder();
  const holder = await startTestProcess(folder);
  const error = await openTestDatabase({ folder, lockWaitMs: 100 }).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(DatabaseLockedError);
  expect((error as Error).message).toContain(join(folder, "message.db"));
  expect((error as Error).message).toContain(`process ${holder.pid} on ${hostname()} since 20`);
  expect(await holder.append("still there")).toBe(1);
});

test("the lock goes with the process that is killed, at once, and what it was told is there", async () => {
  const folder = testFolder();
  const holder = await startTestProcess(folder);
  expect(await holder.append("kept")).toBe(1);
  await holder.kill();
  const database = await openTestDatabase({ folder, lockWaitMs: 0 });
  onTestFinished(() => database.close());
  expect(await database.read("totals")).toEqual({ count: 1, head: 1 });
  expect(readFileSync(join(folder, "message.owner"), "utf8")).toContain(`process ${process.pid} `);
});

test("one waits for the other that is about to end", async () => {
  const folder = testFolder();
  const first = await openTestDatabase({ folder });
  const second = openTestDatabase({ folder, lockWaitMs: 10_000 });
  await first.close();
  await (await second).close();
});

test("the same process is kept out too, and other names are not", async () => {
  const folder = testFolder();
  const message = await openTestDatabase({ folder });
  await expect(openTestDatabase({ folder, lockWaitMs: 0 })).rejects.toThrow(`process ${process.pid} `);
  const room = await openTestDatabase({ folder, name: "room" });
  await Promise.all([message.close(), room.close()]);
});

test("the state of the migrations can be asked while the database is in use", async () => {
  const folder = testFolder();
  await startTestProcess(folder);
  const migrations = { sqlite: testMigrations, mssql: {} };
  const location = { url: `sqlite:${folder}`, name: "message" as const, migrations };
  expect(await migrationStatus(location)).toEqual({ applied: ["0001-messages"], pending: [], unknown: [] });
});
