import type { Logger } from "pino";
import type { Environment } from "../common/config.ts";
import { migrationStatus, openDatabase } from "../common/database/database.ts";
import type { KafkaConfig } from "../common/events/kafka-config.ts";
import { createLogger } from "../common/logger.ts";
import { readDataConfig } from "./config.ts";
import { databasesAt } from "./databases.ts";

/**
 * `parley migrate`: brings every database up to date, as `parley serve` does when it starts, and makes the topics that a
 * Kafka cluster lacks. Answers whether all is as configured.
 */
export async function migrate(env: Environment): Promise<boolean> {
  const { databaseUrl, events } = readDataConfig(env);
  const logger = createLogger({ level: "warn", pretty: process.stdout.isTTY });
  for (const location of databasesAt(databaseUrl)) {
    const { pending } = await migrationStatus(location);
    const database = await openDatabase({ ...location, logger });
    await database.close();
    const { applied } = await migrationStatus(location);
    console.log(`${location.name}: at ${applied.at(-1)}, ${pending.length} of ${applied.length} applied now`);
  }
  return events.kind === "embedded" || migrateTopics(events, logger);
}

/** What exists is compared with the configuration and never changed: that is for people to decide. */
async function migrateTopics(config: KafkaConfig, logger: Logger): Promise<boolean> {
  const { createTopics } = await import("../common/events/kafka-topics.ts");
  const { states, created } = await createTopics(config, logger);
  for (const { name, problems } of states) {
    const found = problems.length === 0 ? "as configured" : problems.join("; ");
    console.log(`${name}: ${created.includes(name) ? "made now" : found}`);
  }
  return states.every(({ problems }) => problems.length === 0);
}
