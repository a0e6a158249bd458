import { chmodSync, copyFileSync, mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Logger } from "pino";
import type { Environment } from "../common/config.ts";
import { type Database, openDatabase } from "../common/database/database.ts";
import { checkSqlite } from "../common/database/sqlite-copy.ts";
import { syncFile } from "../common/database/sqlite-files.ts";
import { dataFilesIn, isUnfinished, lockDataFolder, replaceData } from "../common/database/sqlite-replace.ts";
import { createLogger } from "../common/logger.ts";
import type { MessageTables } from "../message/db/tables.ts";
import type { RoomTables } from "../room/db/tables.ts";
import {
  BackupError,
  type BackupManifest,
  readManifest,
  requireDataFolder,
  verifyFiles,
} from "./backup-folder.ts";
import { readDataConfig } from "./config.ts";
import { databasesAt } from "./databases.ts";
import { fitTogether } from "./histories.ts";
import { parseWords } from "./parse-words.ts";
import { UsageError } from "./usage-error.ts";

const flags = { replace: { type: "boolean" }, "in-place": { type: "boolean" } } as const;

/**
 * `parley restore <folder>`: puts a backup into the data folder; `parley restore --in-place` takes the data that somebody
 * put there by other means. Either way nobody is served from it before the databases were compared and a new epoch has
 * begun.
 */
export async function restore(env: Environment, words: string[]): Promise<void> {
  const { values, positionals } = parseWords(words, flags);
  const { databaseUrl } = readDataConfig(env);
  const logger = createLogger({ level: "warn", pretty: process.stdout.isTTY });
  if (values["in-place"]) {
    if (positionals.length > 0 || values.replace)
      throw new UsageError("parley restore --in-place takes the data that is there, and nothing else");
    await adopt(databaseUrl, logger);
    return;
  }
  const [source, ...rest] = positionals;
  if (source === undefined || rest.length > 0)
    throw new UsageError("parley restore takes the folder of one backup, or --in-place");
  await putBack(resolve(source), { databaseUrl, replace: values.replace === true, logger });
}

interface PutBackOptions {
  databaseUrl: string;
  replace: boolean;
  logger: Logger;
}

async function putBack(source: string, { databaseUrl, replace, logger }: PutBackOptions): Promise<void> {
  const folder = requireDataFolder(databaseUrl);
  const names = databasesAt(databaseUrl).map(({ name }) => name);
  const manifest = readManifest(source);
  requireDatabases(source, manifest, names);
  const release = await lockDataFolder(folder, names);
  // On the same disk as where it goes. Whoever has the locks has this name.
  const staging = join(folder, "restoring");
  try {
    if (!replace) refuseOccupied(folder);
    console.log(`Restoring the backup of ${manifest.createdAt}, made by Parley ${manifest.parley}.`);
    await verifyFiles(source, manifest);
    rmSync(staging, { recursive: true, force: true });
    mkdirSync(staging, { mode: 0o700 });
    copyFiles(source, staging, Object.keys(manifest.files));
    await adopt(`sqlite:${staging}`, logger);
    const aside = join(folder, `replaced-${new Date().toISOString().replaceAll(":", "")}`);
    const replaced = dataFilesIn(folder);
    replaceData(folder, { from: staging, aside });
    if (replaced.length > 0) console.log(`What was there before is in ${aside}: delete it when you can.`);
    console.log(`${folder} is ready: start Parley.`);
  } finally {
    rmSync(staging, { recursive: true, force: true });
    release();
  }
}

function requireDatabases(source: string, { files }: BackupManifest, names: readonly string[]): void {
  const missing = names.map((name) => `${name}.db`).filter((file) => files[file] === undefined);
  if (missing.length > 0) throw new BackupError(`${source} is not complete: it lacks ${missing.join(", ")}`);
}

/** What an interrupted restore left may be replaced: it is nobody's data yet. */
function refuseOccupied(folder: string): void {
  const [found] = dataFilesIn(folder);
  if (found === undefined || isUnfinished(folder)) return;
  throw new BackupError(
    `there is data in ${folder} (${found}): name another folder in PARLEY_DATABASE_URL, or say --replace, ` +
      "which moves what is there into a folder beside it",
  );
}

function copyFiles(source: string, staging: string, names: readonly string[]): void {
  for (const name of names) {
    const path = join(staging, name);
    copyFileSync(join(source, name), path);
    chmodSync(path, 0o600);
    if (name.endsWith(".db")) checkSqlite(path);
    syncFile(path);
  }
}

/** Brings databases that were put back up to date, compares them, and begins a new epoch. */
async function adopt(url: string, logger: Logger): Promise<void> {
  const opened = new Map<string, Database<unknown>>();
  try {
    for (const location of databasesAt(url))
      opened.set(location.name, await openDatabase<unknown>({ ...location, logger }));
    const room = opened.get("room") as Database<RoomTables>;
    const message = opened.get("message") as Database<MessageTables>;
    const count = await fitTogether({ room: room.kysely, message: message.kysely });
    const again = count === 0 ? "" : ` Changes of ${count} rooms are handed over to their timelines again.`;
    console.log(`The databases belong together, and a new epoch begins.${again}`);
  } finally {
    for (const database of opened.values()) await database.close();
  }
}
