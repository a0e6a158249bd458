import { mkdirSync } from "node:fs";
import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ParleyStorage } from "../../client/index.ts";

/** A storage of a program's own: a file for each key, so that it outlives the process. */
export function createFileStorage(folder: string): ParleyStorage {
  mkdirSync(folder, { recursive: true });
  const pathOf = (key: string) => join(folder, encodeURIComponent(key));
  const get = async (key: string) => {
    try {
      return JSON.parse(await readFile(pathOf(key), "utf8"));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  };
  return {
    get,
    async set(key, value) {
      const path = pathOf(key);
      await writeFile(`${path}.new`, JSON.stringify(value));
      await rename(`${path}.new`, path);
    },
    delete: (key) => rm(pathOf(key), { force: true }),
    async entries(prefix) {
      const names = (await readdir(folder)).filter((name) => !name.endsWith(".new")).map(decodeURIComponent);
      const keys = names.filter((key) => key.startsWith(prefix)).sort();
      return Promise.all(keys.map(async (key): Promise<[string, unknown]> => [key, await get(key)]));
    },
  };
}
