import { parseArgs } from "node:util";
import type { Kysely } from "kysely";
import { AdminService } from "#gen/parley/admin/v1/admin_service_pb.js";
import { migrations } from "../auth/db/migrations/migrations.ts";
import type { AuthTables, ServerKeyRow } from "../auth/db/tables.ts";
import { createServerKeys, isGood, scopesOf } from "../auth/server-keys.ts";
import { closestName } from "../common/closest-name.ts";
import type { Environment } from "../common/config.ts";
import { parseDuration } from "../common/config-formats.ts";
import { type DatabaseLocation, migrationStatus, openDatabase } from "../common/database/database.ts";
import { bytesToId } from "../common/ids.ts";
import { createLogger } from "../common/logger.ts";
import { serverKeyScopes } from "../common/rpc/interceptors.ts";
import { readParleyConfig } from "./config.ts";
import { UsageError } from "./usage-error.ts";

const scopes = serverKeyScopes(AdminService);

export const keysUsage = `Server keys: by one of these an application that keeps its own accounts calls
Parley's AdminService. Parley may be running meanwhile.

Usage: parley keys create --name <name> [--scopes <scopes>] [--expires <time>]
       parley keys list [--json]
       parley keys revoke <key id>

  create   Makes a key and shows it, this once
           --name      What it is called in the list, such as the application's name
           --scopes    What it is for: ${scopes.join(",")}; all if left out
           --expires   How long it is good, such as 90d; until it is revoked if left out
           --quiet     Prints the key and nothing else
  list     Shows what keys there are, and when each was last used
  revoke   Ends a key, at once and for good

To replace a key without a gap: create one, give it to the application, wait until
list shows that the old one is no longer used, revoke that.
`;

const options = {
  name: { type: "string" },
  scopes: { type: "string" },
  expires: { type: "string" },
  quiet: { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;
type Values = ReturnType<typeof parseWords>["values"];

const maxNameLength = 100;

/** `parley keys …`. Throws UsageError. Answers whether it did what was asked. */
export async function keys(env: Environment, words: string[]): Promise<boolean> {
  const { values, positionals } = parseWords(words);
  const [action, ...rest] = positionals;
  if (values.help) {
    process.stdout.write(keysUsage);
    return true;
  }
  switch (action) {
    case "create":
      refuseMore(rest);
      return create(env, values);
    case "list":
      refuseMore(rest);
      return list(env, values.json === true);
    case "revoke": {
      const [keyId, ...more] = rest;
      if (keyId === undefined) throw new UsageError("which key? parley keys list shows their ids");
      refuseMore(more);
      return revoke(env, keyId);
    }
    default: {
      const meant = action && closestName(action, ["create", "list", "revoke"]);
      const why = meant ? `there is no keys ${action}: did you mean ${meant}?` : "create, list or revoke?";
      throw new UsageError(`${why} parley keys --help shows how`);
    }
  }
}

function parseWords(args: string[]) {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function refuseMore([word]: string[]): void {
  if (word !== undefined) throw new UsageError(`what is "${word}" for?`);
}

async function create(env: Environment, values: Values): Promise<boolean> {
  const name = values.name?.trim() ?? "";
  if (name === "" || name.length > maxNameLength)
    throw new UsageError(`--name is missing or longer than ${maxNameLength} characters`);
  const wanted = { name, scopes: readScopes(values.scopes), expiresAt: readExpiry(values.expires) };
  const { key, row } = await withKeys(env, (serverKeys) => serverKeys.create(wanted));
  if (values.quiet) console.log(key);
  else {
    console.log(`${describe(row, Date.now())}

  ${key}

It is shown this once: only its hash is kept. Give it to the application as a secret;
it goes into the header Authorization: Bearer <key>.`);
  }
  return true;
}

function readScopes(text: string | undefined): readonly string[] {
  if (text === undefined) return scopes;
  const wanted = [...new Set(text.split(",").map((scope) => scope.trim()))];
  for (const scope of wanted) {
    if (!scopes.includes(scope))
      throw new UsageError(`there is no scope "${scope}": there are ${scopes.join(", ")}`);
  }
  return wanted;
}

function readExpiry(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  if (ms === undefined || ms === 0) throw new UsageError("--expires should be a time such as 12h or 90d");
  return Date.now() + ms;
}

async function list(env: Environment, json: boolean): Promise<boolean> {
  const rows = await withKeys(env, (serverKeys) => serverKeys.list());
  if (json) console.log(JSON.stringify(rows.map(toJson), null, 2));
  else if (rows.length === 0) console.log("There are no keys. parley keys create makes one.");
  else for (const row of rows) console.log(describe(row, Date.now()));
  return true;
}

async function revoke(env: Environment, keyId: string): Promise<boolean> {
  const row = await withKeys(env, (serverKeys) => serverKeys.revoke(keyId));
  console.log(row === undefined ? `There is no key ${keyId}.` : describe(row, Date.now()));
  return row !== undefined;
}

function describe(row: ServerKeyRow, now: number): string {
  const state =
    row.revoked_at !== null
      ? `revoked ${dateOf(row.revoked_at)}`
      : isGood(row, now)
        ? row.expires_at === null
          ? "good"
          : `good until ${dateOf(row.expires_at)}`
        : `expired ${dateOf(row.expires_at)}`;
  const used = row.last_used_at === null ? "never used" : `last used ${dateOf(row.last_used_at)}`;
  return `${bytesToId(row.key_id)}  ${row.name}  ${scopesOf(row).join(",")}  ${state}, ${used}`;
}

function toJson(row: ServerKeyRow) {
  return {
    keyId: bytesToId(row.key_id),
    name: row.name,
    scopes: scopesOf(row),
    createdAt: dateOf(row.created_at),
    expiresAt: dateOf(row.expires_at),
    revokedAt: dateOf(row.revoked_at),
    lastUsedAt: dateOf(row.last_used_at),
  };
}

function dateOf(ms: number): string;
function dateOf(ms: number | null): string | null;
function dateOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

/** Beside a Parley that runs on the same data, which asks the database at each call: nothing has to be told to it. */
async function withKeys<T>(
  env: Environment,
  use: (keys: ReturnType<typeof createServerKeys>) => Promise<T>,
): Promise<T> {
  const location: DatabaseLocation = { url: readParleyConfig(env).databaseUrl, name: "auth", migrations };
  const logger = createLogger({ level: "warn", pretty: process.stdout.isTTY });
  const { pending } = await migrationStatus(location);
  // Of this version only when it has been migrated, which needs it alone.
  if (pending.length > 0) await (await openDatabase({ ...location, logger })).close();
  const database = await openDatabase<AuthTables>({ ...location, logger, beside: true });
  try {
    const db: Kysely<AuthTables> = database.kysely;
    return await use(createServerKeys({ db, logger, clock: Date.now }));
  } finally {
    await database.close();
  }
}
