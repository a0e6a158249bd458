import { accessSync, constants, existsSync, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { dataFolderOf } from "../common/database/database-url.ts";
import { isUnfinished } from "../common/database/sqlite-replace.ts";
import type { Finding } from "./finding.ts";

/** Below this, logs and checkpoints soon have no room. */
const minFreeBytes = 256 * 1024 * 1024;

/** Whether Parley can keep its data where it is told to; nothing to say if a database server keeps it. */
export function checkDataFolder(databaseUrl: string): Finding[] {
  const folder = dataFolderOf(databaseUrl);
  if (folder === undefined) return [];
  const access = existsSync(folder) ? checkFolder(folder) : checkParent(folder);
  return access.advice === undefined ? [access, checkSpace(folder)] : [access];
}

function checkFolder(folder: string): Finding {
  const what = "data folder";
  const stats = statSync(folder);
  if (!stats.isDirectory()) {
    return { what, found: `${folder} is not a folder`, advice: "Name another one in PARLEY_DATABASE_URL." };
  }
  if (!isWritable(folder)) {
    const advice = `Give it to the user who runs Parley: chown -R ${process.getuid?.()} '${folder}'`;
    return { what, found: `${folder} can't be written by this user`, advice };
  }
  if (process.platform !== "win32" && (stats.mode & 0o077) !== 0) {
    const advice = `It holds keys and messages, so nobody else should: chmod 700 '${folder}'`;
    return { what, found: `${folder} is open to other users`, advice };
  }
  if (isUnfinished(folder)) {
    const advice = "Run `parley restore` again, with the same backup: until then nothing is served from it.";
    return { what, found: `${folder} is not complete, since a restore was interrupted`, advice };
  }
  return { what, found: folder };
}

function checkParent(folder: string): Finding {
  const what = "data folder";
  const parent = nearestExisting(folder);
  if (isWritable(parent)) return { what, found: `${folder} will be made` };
  const advice = `Make it, or name another one in PARLEY_DATABASE_URL: ${parent} can't be written by this user.`;
  return { what, found: `${folder} can't be made`, advice };
}

function checkSpace(folder: string): Finding {
  const { bavail, bsize } = statfsSync(nearestExisting(folder));
  const free = bavail * bsize;
  const finding = {
    what: "disk space",
    found: `${Math.floor(free / 1024 ** 2).toLocaleString("en")} MiB free`,
  };
  if (free >= minFreeBytes) return finding;
  return {
    ...finding,
    advice: "Make room: writes are refused when the disk is full, and go on when it no longer is.",
  };
}

function nearestExisting(path: string): string {
  return existsSync(path) ? path : nearestExisting(dirname(path));
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
