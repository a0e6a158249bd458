import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statfsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Environment } from "../common/config.ts";
import { copySqlite, sizeOfSqlite } from "../common/database/sqlite-copy.ts";
import { sqliteFiles, syncFile, syncFolder } from "../common/database/sqlite-files.ts";
import { dataFilesIn, refuseUnfinished } from "../common/database/sqlite-replace.ts";
import { BackupError, requireDataFolder, writeManifest } from "./backup-folder.ts";
import { readDataConfig } from "./config.ts";
import { databasesAt } from "./databases.ts";
import { createProgress, mebibytes } from "./progress.ts";
import { UsageError } from "./usage-error.ts";

/**
 * Message before Room, so that no timeline has a change of a room that the copy of Room lacks; what it lacks itself is
 * handed over again after a restore. Auth last, so that whoever is in a room has an account.
 */
const order = ["message", "room", "auth"];

/**
 * `parley backup <folder>`: copies the data, of which Parley may be making more. The folder appears under its name when
 * it is complete and checked.
 */
export async function backup(env: Environment, words: string[]): Promise<void> {
  const [word, ...rest] = words;
  if (word === undefined || rest.length > 0)
    throw new UsageError("parley backup takes the folder to make, such as backups/monday");
  const { databaseUrl } = readDataConfig(env);
  const folder = requireDataFolder(databaseUrl);
  const target = resolve(word);
  const sources = findSources(databaseUrl, folder);
  refuseTarget(target);
  await asDraft(target, async (draft) => {
    requireSpace(
      draft,
      sources.reduce((sum, { path }) => sum + sizeOfSqlite(path), 0),
    );
    await copyAll({ folder, draft, sources });
  });
  console.log(`The backup is in ${target}.`);
}

interface Source {
  name: string;
  path: string;
}

/** The databases in the order in which they are copied. */
function findSources(url: string, folder: string): Source[] {
  refuseUnfinished(folder);
  const sources = databasesAt(url)
    .map(({ name }) => ({ name, path: sqliteFiles(folder, name).database }))
    .sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  const missing = sources.filter(({ path }) => !existsSync(path));
  if (missing.length === 0) return sources;
  throw new BackupError(`nothing is copied, since these are missing: ${missing.map((each) => each.path)}`);
}

function refuseTarget(target: string): void {
  if (existsSync(target) && readdirSync(target).length > 0)
    throw new BackupError(`${target} is not empty: name a folder that isn't there yet`);
}

/** Has a folder made under another name, which it keeps only if it became complete. */
async function asDraft(target: string, make: (draft: string) => Promise<void>): Promise<void> {
  const draft = `${target}.partial-${process.pid}`;
  const forget = () => rmSync(draft, { recursive: true, force: true });
  const stop = (signal: NodeJS.Signals) => {
    forget();
    process.kill(process.pid, signal);
  };
  mkdirSync(dirname(target), { recursive: true });
  mkdirSync(draft, { mode: 0o700 });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
  try {
    await make(draft);
    syncFolder(draft);
    renameSync(draft, target);
    syncFolder(dirname(target));
  } catch (error) {
    forget();
    throw error;
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}

function requireSpace(folder: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize >= bytes) return;
  const found = `${mebibytes(bavail * bsize)} are free there`;
  throw new BackupError(`${dirname(folder)} has no room for ${mebibytes(bytes)}: ${found}`);
}

async function copyAll(parts: { folder: string; draft: string; sources: Source[] }): Promise<void> {
  const { folder, draft, sources } = parts;
  const createdAt = new Date();
  for (const { name, path } of sources) {
    const progress = createProgress(`${name}.db`);
    const bytes = await copySqlite(path, join(draft, `${name}.db`), progress.step);
    progress.end("copied and checked", bytes);
  }
  const secrets = dataFilesIn(folder).filter((name) => name.endsWith(".secret"));
  for (const name of secrets) copySecret(join(folder, name), join(draft, name));
  await writeManifest(draft, { createdAt, names: [...sources.map(({ name }) => `${name}.db`), ...secrets] });
  describeSecrets(secrets);
}

function copySecret(from: string, to: string): void {
  copyFileSync(from, to);
  syncFile(to);
}

function describeSecrets(secrets: readonly string[]): void {
  if (secrets.length > 0) {
    console.log(
      `${secrets.join(", ")}: copied. Who has the backup can sign in as anybody: keep it like a key.`,
    );
    return;
  }
  console.log(
    "Without the key-encryption secret, which isn't kept in the data folder: keep it as long as the backup.",
  );
}
