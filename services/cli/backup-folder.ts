import { createHash } from "node:crypto";
import { createReadStream, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { dataFolderOf } from "../common/database/database-url.ts";
import { version } from "./version.ts";

/** A backup or a restore that is refused or failed. The message says why and what to do, to whoever runs Parley. */
export class BackupError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "BackupError";
  }
}

/** What a backup says of itself, in `backup.json`. Written last: a folder without it is none. */
export interface BackupManifest {
  /** Of this file and the folder. */
  format: 1;
  /** The version of Parley that made it. */
  parley: string;
  /** When the first copy was begun. */
  createdAt: string;
  files: Record<string, BackupFile>;
}

export interface BackupFile {
  bytes: number;
  /** In hexadecimal. */
  sha256: string;
}

const manifestName = "backup.json";
/** Of what can be in a backup; nothing that leads out of its folder. */
const fileName = /^[a-z][a-z0-9-]{0,60}\.(db|secret)$/;

/** Describes the files of a folder, by which it becomes a backup. */
export async function writeManifest(
  folder: string,
  { createdAt, names }: { createdAt: Date; names: readonly string[] },
): Promise<void> {
  const files: BackupManifest["files"] = {};
  for (const name of names) files[name] = await describeFile(join(folder, name));
  const manifest: BackupManifest = { format: 1, parley: version, createdAt: createdAt.toISOString(), files };
  const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
  writeFileSync(join(folder, manifestName), text, { mode: 0o600, flag: "wx", flush: true });
}

/** Reads and checks what a backup says of itself. Throws BackupError. */
export function readManifest(folder: string): BackupManifest {
  const manifest = parseManifest(folder, readText(folder));
  if (manifest.format !== 1) throw new BackupError(`${folder} was made by a newer version of Parley`);
  const { files } = manifest;
  const strange = Object.keys(files).find((name) => !fileName.test(name));
  if (strange !== undefined)
    throw new BackupError(`${folder} is no backup: ${strange} doesn't belong in one`);
  return manifest;
}

function readText(folder: string): string {
  try {
    return readFileSync(join(folder, manifestName), "utf8");
  } catch (cause) {
    throw new BackupError(`${folder} is no backup: it has no ${manifestName} that can be read`, cause);
  }
}

function parseManifest(folder: string, text: string): BackupManifest {
  try {
    const manifest: BackupManifest = JSON.parse(text);
    if (typeof manifest.files === "object" && manifest.files !== null) return manifest;
  } catch {
    // As one without files.
  }
  throw new BackupError(`${folder} is no backup: its ${manifestName} can't be understood`);
}

/** Compares the files with what was noted when they were made. Throws BackupError. */
export async function verifyFiles(folder: string, { files }: BackupManifest): Promise<void> {
  for (const [name, { bytes, sha256 }] of Object.entries(files)) {
    const path = join(folder, name);
    const found = await describeFile(path).catch((cause: Error) => {
      throw new BackupError(`the backup is damaged: ${path} can't be read (${cause.message})`, cause);
    });
    if (found.bytes !== bytes || found.sha256 !== sha256)
      throw new BackupError(`the backup is damaged: ${path} is not what was written`);
  }
}

async function describeFile(path: string): Promise<BackupFile> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return { bytes: statSync(path).size, sha256: hash.digest("hex") };
}

/** The folder that is backed up and restored. Throws BackupError if a server keeps the data. */
export function requireDataFolder(databaseUrl: string): string {
  const folder = dataFolderOf(databaseUrl);
  if (folder !== undefined) return folder;
  throw new BackupError(
    "SQL Server keeps the data: back it up and restore it with BACKUP and RESTORE DATABASE, and then run " +
      "`parley restore --in-place`",
  );
}
