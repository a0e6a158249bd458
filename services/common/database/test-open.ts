import { onTestFinished } from "vitest";
import type { SqliteOptions } from "./sqlite.ts";
import { openTestDatabase, type TestDatabase } from "./test-database.ts";
import { testFolder } from "./test-folder.ts";

/** The database for the tests of this folder, for the running test, closed after it. */
export async function openForTest(options: Partial<SqliteOptions> = {}): Promise<TestDatabase> {
  const database = await openTestDatabase({ folder: testFolder(), ...options });
  onTestFinished(() => database.close());
  return database;
}

/** All that is in its room, in order. */
export async function textsOf(database: TestDatabase): Promise<string[]> {
  const rows = await database.kysely.selectFrom("message").select("text").orderBy("seq").execute();
  return rows.map(({ text }) => text);
}
