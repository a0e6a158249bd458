import { type Kysely, sql } from "kysely";
import { expect, test } from "vitest";
import { migrationStatus } from "./database.ts";
import { SchemaError } from "./errors.ts";
import { createRecordingLogger, openTestDatabase, testMigrations } from "./test-database.ts";
import { testFolder } from "./test-folder.ts";

const half = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`CREATE TABLE half (id INTEGER PRIMARY KEY)`.execute(db);
    await sql`INSERT INTO half VALUES (1)`.execute(db);
    await sql`INSERT INTO nowhere VALUES (1)`.execute(db);
  },
};

const whole = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`CREATE TABLE half (id INTEGER PRIMARY KEY)`.execute(db);
  },
};

test("migrations run once, in the order of their names", async () => {
  const folder = testFolder();
  const location = { url: `sqlite:${folder}`, name: "message" as const };
  const migrations = { "0002-half": whole, ...testMigrations };
  const status = () => migrationStatus({ ...location, migrations: { sqlite: migrations, mssql: {} } });
  expect(await status()).toEqual({
    applied: [],
    pending: ["0001-messages", "0002-half"],
    unknown: [],
  });

  const { logger, entries } = createRecordingLogger();
  await (await openTestDatabase({ folder, migrations, logger })).close();
  await (await openTestDatabase({ folder, migrations, logger })).close();
  expect(entries.map(({ migration }) => migration)).toEqual(["0001-messages", "0002-half"]);
  expect(await status()).toMatchObject({ pending: [] });
});

test("a migration that fails leaves nothing behind, and those before it stay", async () => {
  const folder = testFolder();
  const failing = openTestDatabase({ folder, migrations: { ...testMigrations, "0002-half": half } });
  await expect(failing).rejects.toThrow(SchemaError);
  await expect(failing).rejects.toThrow("migration 0002-half of the message database failed and was undone");

  const mended = await openTestDatabase({ folder, migrations: { ...testMigrations, "0002-half": whole } });
  const { rows } = await sql`SELECT * FROM half`.execute(mended.kysely);
  expect(rows).toEqual([]);
  await mended.close();
});

test("a table can be made anew though others refer to it, but not so that they refer to nothing", async () => {
  const folder = testFolder();
  const rebuild = (keep: number) => ({
    async up(db: Kysely<unknown>): Promise<void> {
      await sql`CREATE TABLE new_room (room_id INTEGER PRIMARY KEY, head INTEGER NOT NULL, topic TEXT)`.execute(
        db,
      );
      await sql`INSERT INTO new_room SELECT room_id, head, '' FROM room WHERE room_id <= ${keep}`.execute(db);
      await sql`DROP TABLE room`.execute(db);
      await sql`ALTER TABLE new_room RENAME TO room`.execute(db);
    },
  });
  const before = await openTestDatabase({ folder });
  await before.call("append", ["a"]);
  await before.close();

  const losing = openTestDatabase({ folder, migrations: { ...testMigrations, "0002-topic": rebuild(0) } });
  await expect(losing).rejects.toThrow("rows of message name rows of room that don't exist");

  const after = await openTestDatabase({
    folder,
    migrations: { ...testMigrations, "0002-topic": rebuild(1) },
  });
  expect(await after.call("append", ["b"])).toEqual([2]);
  const orphan = { room_id: 9, seq: 1, text: "x", sender: null };
  await expect(after.kysely.insertInto("message").values(orphan).execute()).rejects.toThrow("FOREIGN KEY");
  await after.close();
});

test("a database of a newer version is refused", async () => {
  const folder = testFolder();
  const newer = { ...testMigrations, "0002-half": whole };
  await (await openTestDatabase({ folder, migrations: newer })).close();
  await expect(openTestDatabase({ folder })).rejects.toThrow("newer version of Parley (0002-half)");
  const migrations = { sqlite: testMigrations, mssql: {} };
  const location = { url: `sqlite:${folder}`, name: "message" as const, migrations };
  expect(await migrationStatus(location)).toMatchObject({ unknown: ["0002-half"] });
});
