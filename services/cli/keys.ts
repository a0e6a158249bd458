import { AdminService } from "#gen/parley/admin/v1/admin_service_pb.js";
import type { AuthTables } from "../auth/db/tables.ts";
import { createServerKeys, type ServerKey, type ServerKeys } from "../auth/server-keys.ts";
import type { Environment } from "../common/config.ts";
import { parseDuration } from "../common/config-formats.ts";
import { type DatabaseLocation, migrationStatus, openDatabaseBeside } from "../common/database/database.ts";
import { createLogger } from "../common/logger.ts";
import { scopesOf } from "../common/rpc/interceptors.ts";
import { readDataConfig } from "./config.ts";
import { databasesAt } from "./databases.ts";
import { parseWords, refuseWords } from "./parse-words.ts";
import { UsageError } from "./usage-error.ts";

/** Every scope that there is. */
const scopes = scopesOf(AdminService);

const usage = `Server keys, by which an application that embeds Parley calls AdminService.

Usage:
  parley keys create --name <name> [--scopes <scope,…>] [--expires <duration>]
  parley keys list [--json]
  parley keys revoke <id>

create prints the key, this once, on standard output. Keep it where the
application keeps its secrets: Parley only knows its hash.

Options of create:
  --name      What list calls it, 1 to 100 characters
  --scopes    What it may do, all unless given: ${scopes.join(", ")}
  --expires   After how long it ends, such as 90d; never unless given

Options of list:
  --json      A JSON array for scripts, with null for what is never

Parley may be running: a new key is good at once, a revoked one refused at once.
To replace a key without a gap: create the next one, give it to the application,
wait until list shows no more use of the last one, then revoke that.
`;

/** About a hundred years; the database holds no time that is much further off. */
const longestMs = 36_500 * 24 * 3_600_000;

const flags = {
  help: { type: "boolean", short: "h" },
  name: { type: "string" },
  scopes: { type: "string" },
  expires: { type: "string" },
  json: { type: "boolean" },
} as const;

type Options = ReturnType<typeof parseWords<typeof flags>>["values"];

/** `parley keys`: answers the exit code. */
export async function runKeys(words: string[], env: Environment): Promise<number> {
  const { values, positionals } = parseWords(words, flags);
  const [command, ...rest] = positionals;
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  switch (command) {
    case "create":
      refuseWords(rest);
      return withKeys(env, (keys) => create(keys, values));
    case "list":
      refuseWords(rest);
      return withKnownKeys(env, values.json ? listAsJson : list);
    case "revoke":
      if (rest.length !== 1)
        throw new UsageError("parley keys revoke takes the id of one key, as list shows it");
      return withKnownKeys(env, (keys) => revoke(keys, rest[0]!));
    default:
      throw new UsageError("parley keys is followed by create, list or revoke");
  }
}

async function withKeys(env: Environment, work: (keys: ServerKeys) => Promise<number>): Promise<number> {
  const { databaseUrl } = readDataConfig(env);
  const logger = createLogger({ level: "warn", pretty: process.stdout.isTTY });
  const location = authDatabaseAt(databaseUrl);
  const database = await openDatabaseBeside<AuthTables>({ ...location, logger });
  try {
    return await work(createServerKeys({ db: database.kysely, clock: Date.now, logger }));
  } finally {
    await database.close();
  }
}

/** Where nothing was ever made, no key can be: PARLEY_DATABASE_URL was mistyped, and a new database would hide it. */
async function withKnownKeys(env: Environment, work: (keys: ServerKeys) => Promise<number>): Promise<number> {
  const { databaseUrl } = readDataConfig(env);
  const { applied } = await migrationStatus(authDatabaseAt(databaseUrl));
  if (applied.length > 0) return withKeys(env, work);
  console.error(`parley: there is no data at ${databaseUrl}: PARLEY_DATABASE_URL says where it is.`);
  return 1;
}

function authDatabaseAt(url: string): DatabaseLocation {
  return databasesAt(url).find(({ name }) => name === "auth")!;
}

async function create(keys: ServerKeys, options: Options): Promise<number> {
  const { keyId, key } = await keys.create({
    name: nameOf(options),
    scopes: scopesIn(options),
    expiresAt: expiryOf(options),
  });
  console.error(`The key ${keyId}, shown this once:`);
  console.log(key);
  return 0;
}

function nameOf({ name = "" }: Options): string {
  if (name.length >= 1 && name.length <= 100 && !/\p{Cc}/u.test(name)) return name;
  throw new UsageError("--name is needed: 1 to 100 characters that say whose key it is");
}

function scopesIn(options: Options): readonly string[] {
  const named = options.scopes?.split(",").map((scope) => scope.trim()) ?? scopes;
  const unknown = named.find((scope) => !scopes.includes(scope));
  if (unknown === undefined) return [...new Set(named)];
  throw new UsageError(`there is no scope "${unknown}": there are ${scopes.join(", ")}`);
}

function expiryOf({ expires }: Options): number | undefined {
  if (expires === undefined) return undefined;
  const ms = parseDuration(expires);
  if (ms && ms <= longestMs) return Date.now() + ms;
  throw new UsageError(`--expires is "${expires}": it should be a duration such as 12h or 90d, up to 36500d`);
}

async function list(keys: ServerKeys): Promise<number> {
  const rows = (await keys.list()).map((key) => [
    key.keyId,
    stateOf(key),
    timeOf(key.createdAt),
    timeOf(key.lastUsedAt),
    timeOf(key.expiresAt),
    key.scopes.join(","),
    key.name,
  ]);
  const table = [["ID", "STATE", "CREATED", "LAST USED", "EXPIRES", "SCOPES", "NAME"], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  for (const row of table)
    console.log(
      row
        .map((cell, at) => cell.padEnd(widths[at]!))
        .join("  ")
        .trimEnd(),
    );
  return 0;
}

async function listAsJson(keys: ServerKeys): Promise<number> {
  const time = (ms: number | undefined) => (ms === undefined ? null : timeOf(ms));
  const rows = (await keys.list()).map((key) => ({
    keyId: key.keyId,
    name: key.name,
    state: stateOf(key),
    scopes: key.scopes,
    createdAt: time(key.createdAt),
    lastUsedAt: time(key.lastUsedAt),
    expiresAt: time(key.expiresAt),
    revokedAt: time(key.revokedAt),
  }));
  console.log(JSON.stringify(rows, undefined, 2));
  return 0;
}

function stateOf({ revokedAt, expiresAt }: ServerKey): string {
  if (revokedAt !== undefined) return "revoked";
  return expiresAt !== undefined && expiresAt <= Date.now() ? "expired" : "good";
}

function timeOf(ms: number | undefined): string {
  return ms === undefined ? "never" : new Date(ms).toISOString().replace(/\.\d+/, "");
}

async function revoke(keys: ServerKeys, keyId: string): Promise<number> {
  if (await keys.revoke(keyId)) {
    console.log(`${keyId} is revoked.`);
    return 0;
  }
  console.error(`parley: there is no key ${keyId}; \`parley keys list\` shows those that there are.`);
  return 1;
}
