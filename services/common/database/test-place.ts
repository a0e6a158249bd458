import { randomBytes } from "node:crypto";
import { onTestFinished } from "vitest";
import { createTestDatabase, dropTestDatabases as dropBeginning, emptyTestDatabase } from "./test-mssql.ts";

/**
 * The server of the tests that are run for SQL Server; undefined in those for SQLite. Its login makes databases and
 * drops them. See vitest.config.ts.
 */
// biome-ignore lint/style/noProcessEnv: the test runner tells its projects apart by it
export const testServer: string | undefined = process.env.PARLEY_TEST_ON_MSSQL || undefined;

/** Databases of this run begin so; the run's end drops them. */
// biome-ignore lint/style/noProcessEnv: likewise its runs
const prefix = `parley_test_${process.env.PARLEY_TEST_RUN ?? randomBytes(3).toString("hex")}`;

const urls = new Map<string, Promise<string>>();
/** Made, used, and emptied again. */
const empty: string[] = [];

/**
 * Where the running test keeps its data: in the folder, or on a server in a database that stands for the folder, and is
 * another test's after it.
 */
export async function testDatabaseUrl(folder: string): Promise<string> {
  if (testServer === undefined) return `sqlite:${folder}`;
  const known = await urls.get(folder);
  if (known !== undefined) return known;
  const free = empty.pop();
  const url = free === undefined ? createTestDatabase(testServer, prefix) : Promise.resolve(free);
  urls.set(folder, url);
  onTestFinished(async () => {
    urls.delete(folder);
    await emptyTestDatabase(await url);
    empty.push(await url);
  });
  return url;
}

/** At the end of a run. */
export function dropTestDatabases(server: string): Promise<void> {
  return dropBeginning(server, prefix);
}
