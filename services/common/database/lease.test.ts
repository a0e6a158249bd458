import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createLogger } from "../logger.ts";
import { type Database, openDatabase } from "./database.ts";
import { acquireLease, createLeaseTable, type LeaseTables } from "./lease.ts";

let folder: string;
let database: Database<LeaseTables>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lease-"));
  database = await openDatabase<LeaseTables>({
    url: `sqlite:${folder}`,
    name: "room",
    migrations: { sqlite: { "0001-lease": { up: createLeaseTable } }, mssql: {} },
    logger: createLogger({ level: "silent", pretty: false }),
  });
});

afterEach(async () => {
  await database.close();
  await rm(folder, { recursive: true });
});

const one = randomBytes(16);
const other = randomBytes(16);

function acquire(holder: Uint8Array, now: number, name = "sweep") {
  return acquireLease(database.kysely, { name, holder, ttlMs: 1_000, now });
}

test("one holder at a time; who has it prolongs it, others get it when it has ended", async () => {
  expect(await acquire(one, 0)).toBe(true);
  expect(await acquire(other, 0)).toBe(false);
  expect(await acquire(one, 900)).toBe(true);
  expect(await acquire(other, 1_899)).toBe(false);
  expect(await acquire(other, 1_900)).toBe(true);
  expect(await acquire(one, 1_900)).toBe(false);
});

test("of many who ask at once one gets it", async () => {
  const holders = Array.from({ length: 10 }, () => randomBytes(16));
  const answers = await Promise.all(holders.map((holder) => acquire(holder, 0)));
  expect(answers.filter(Boolean)).toHaveLength(1);
});

test("leases of other names are apart", async () => {
  expect(await acquire(one, 0)).toBe(true);
  expect(await acquire(other, 0, "erase")).toBe(true);
});
