import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { openTestDatabase } from "./test-database.ts";
import { testFolder } from "./test-folder.ts";

const secret = "the quick brown fox said something it regrets";

function logSize(folder: string): number {
  return statSync(join(folder, "message.db-wal")).size;
}

test("of a deleted text nothing is left in the files", async () => {
  const folder = testFolder();
  const database = await openTestDatabase({ folder });
  await database.call("append", [secret, secret.repeat(1000)]);
  await database.close();
  const path = join(folder, "message.db");
  expect(readFileSync(path).includes(secret)).toBe(true);

  const again = await openTestDatabase({ folder });
  await again.kysely.deleteFrom("message").execute();
  await again.close();
  expect(readFileSync(path).includes(secret)).toBe(false);
  expect(() => logSize(folder)).toThrow("ENOENT");
});

test("the log is cut within the time set, also when a read is in the way for a while", async () => {
  const folder = testFolder();
  const database = await openTestDatabase({ folder, erasureDelayMs: 20 });
  onTestFinished(() => database.close());
  await database.call("append", [secret]);
  await vi.waitFor(() => expect(logSize(folder)).toBe(0), 5000);

  const reading = await database.kysely.startTransaction().setAccessMode("read only").execute();
  await reading.selectFrom("message").select("seq").execute();
  await database.call("append", [secret]);
  await database.kysely.deleteFrom("message").execute();
  await reading.commit().execute();
  await vi.waitFor(() => expect(logSize(folder)).toBe(0), 5000);
});

test("the log is copied back when it is long, without waiting for that time", async () => {
  const folder = testFolder();
  const database = await openTestDatabase({ folder, erasureDelayMs: 60_000 });
  onTestFinished(() => database.close());
  for (let count = 0; count < 30; count++) await database.call("append", ["x".repeat(1_000_000)]);
  expect(logSize(folder)).toBeLessThan(20_000_000);
  expect(statSync(join(folder, "message.db")).size).toBeGreaterThan(20_000_000);
});
