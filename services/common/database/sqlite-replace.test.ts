import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { DatabaseLockedError, DatabaseOpenError } from "./errors.ts";
import { dataFilesIn, isUnfinished, lockDataFolder, replaceData } from "./sqlite-replace.ts";
import { openTestDatabase } from "./test-database.ts";
import { testFolder } from "./test-folder.ts";

/** A folder with a database of one message, closed. */
async function folderWith(text: string): Promise<string> {
  const folder = testFolder();
  const database = await openTestDatabase({ folder });
  await database.call("append", [text]);
  await database.close();
  return folder;
}

async function textIn(folder: string): Promise<string | undefined> {
  const database = await openTestDatabase({ folder, lockWaitMs: 0 });
  try {
    return (await database.kysely.selectFrom("message").select("text").executeTakeFirst())?.text;
  } finally {
    await database.close();
  }
}

test("replaces all data, with what SQLite keeps beside it, and keeps what was there", async () => {
  const [folder, from] = [await folderWith("old"), await folderWith("new")];
  // Of a process that was killed: beside another database it would damage it.
  writeFileSync(join(folder, "message.db-wal"), "left over");
  writeFileSync(join(folder, "key.secret"), "old");
  const aside = join(folder, "replaced");
  replaceData(folder, { from, aside });
  expect(dataFilesIn(folder)).toEqual(["message.db"]);
  expect(dataFilesIn(aside).sort()).toEqual(["key.secret", "message.db", "message.db-wal"]);
  expect(await textIn(folder)).toBe("new");
  rmSync(join(aside, "message.db-wal"));
  expect(await textIn(aside)).toBe("old");
});

test("what was interrupted is opened by nobody until it is done again", async () => {
  const [folder, from] = [await folderWith("old"), await folderWith("new")];
  const inTheWay = join(folder, "file");
  writeFileSync(inTheWay, "");
  expect(() => replaceData(folder, { from, aside: inTheWay })).toThrow();
  expect(isUnfinished(folder)).toBe(true);
  await expect(textIn(folder)).rejects.toThrow(DatabaseOpenError);
  await expect(textIn(folder)).rejects.toThrow("run `parley restore` again");
  replaceData(folder, { from, aside: join(folder, "replaced") });
  expect(isUnfinished(folder)).toBe(false);
  expect(await textIn(folder)).toBe("new");
});

test("a database that is open keeps the folder from being locked, and what was locked is free again", async () => {
  const folder = await folderWith("here");
  const database = await openTestDatabase({ folder });
  await expect(lockDataFolder(folder, ["auth", "message"])).rejects.toThrow(DatabaseLockedError);
  await database.close();
  const release = await lockDataFolder(folder, ["auth", "message"]);
  await expect(textIn(folder)).rejects.toThrow(DatabaseLockedError);
  release();
  expect(await textIn(folder)).toBe("here");
});

test("a folder without data has none", () => {
  const folder = testFolder();
  mkdirSync(join(folder, "sub"));
  writeFileSync(join(folder, "message.lock"), "");
  expect(dataFilesIn(folder)).toEqual([]);
  expect(dataFilesIn(join(folder, "missing"))).toEqual([]);
  expect(readdirSync(folder)).toHaveLength(2);
});
