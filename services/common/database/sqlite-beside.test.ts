import type { Kysely } from "kysely";
import { expect, onTestFinished, test } from "vitest";
import { openDatabaseBeside } from "./database.ts";
import { createRecordingLogger, openTestDatabase, type TestTables, testMigrations } from "./test-database.ts";
import { testFolder } from "./test-folder.ts";

test("a command that finds another process migrating waits for it, and works beside it", async () => {
  const folder = testFolder();
  const { logger } = createRecordingLogger();
  const [begun, mayEnd] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const migrations = {
    ...testMigrations,
    "0002-slow": {
      async up(_: Kysely<unknown>): Promise<void> {
        begun.resolve();
        await mayEnd.promise;
      },
    },
  };
  // It keeps the lock for as long as it serves.
  const serving = openTestDatabase({ folder, migrations });
  await begun.promise;
  const location = {
    url: `sqlite:${folder}`,
    name: "message" as const,
    migrations: { sqlite: migrations, mssql: {} },
  };
  const command = openDatabaseBeside<TestTables>({ ...location, logger });
  mayEnd.resolve();
  const [server, database] = await Promise.all([serving, command]);
  onTestFinished(async () => {
    await database.close();
    await server.close();
  });
  await database.kysely.updateTable("room").set({ head: 7 }).execute();
  expect(await server.read("totals")).toMatchObject({ head: 7 });
});
