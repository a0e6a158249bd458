import type { Environment } from "../common/config.ts";
import { migrationStatus, openDatabase } from "../common/database/database.ts";
import { createLogger } from "../common/logger.ts";
import { readParleyConfig } from "./config.ts";
import { databasesAt } from "./databases.ts";

/** `parley migrate`: brings every database up to date, as `parley serve` does when it starts. */
export async function migrate(env: Environment): Promise<void> {
  const { databaseUrl } = readParleyConfig(env);
  const logger = createLogger({ level: "warn", pretty: process.stdout.isTTY });
  for (const location of databasesAt(databaseUrl)) {
    const { pending } = await migrationStatus(location);
    const database = await openDatabase({ ...location, logger });
    await database.close();
    const { applied } = await migrationStatus(location);
    console.log(`${location.name}: at ${applied.at(-1)}, ${pending.length} of ${applied.length} applied now`);
  }
}
