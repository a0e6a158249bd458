import type { EnvReader, Rate } from "../common/config.ts";
import { readDatabaseUrl } from "../common/database/database-config.ts";

/** What the message service can be told, and the constants of its contract, which tests change. Times in ms. */
export interface MessageConfig {
  readonly databaseUrl: string;
  readonly sendsPerUser: Rate | undefined;
  readonly sendsPerRoom: Rate | undefined;
  /** How long feed entries are kept. */
  readonly feedLifetimeMs: number;
  /** How often it is looked for what is due in feeds, what is to be erased, and which entries are too old. */
  readonly feedIntervalMs: number;
  readonly eraseIntervalMs: number;
  readonly pruneIntervalMs: number;
}

const dayMs = 24 * 3_600_000;

export function readMessageConfig(reader: EnvReader): MessageConfig {
  return Object.freeze({
    databaseUrl: readDatabaseUrl(reader),
    sendsPerUser: reader.rate("PARLEY_LIMIT_SENDS_PER_USER", { default: "20/s" }),
    sendsPerRoom: reader.rate("PARLEY_LIMIT_SENDS_PER_ROOM", { default: "100/s" }),
    feedLifetimeMs: 30 * dayMs,
    feedIntervalMs: 500,
    eraseIntervalMs: 1000,
    pruneIntervalMs: 3_600_000,
  });
}
