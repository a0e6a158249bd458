import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Stack } from "../stack.ts";

const main = join(import.meta.dirname, "../../services/main.ts");

/** A server key of that Parley, made as an operator makes it. */
export async function serverKeyFor({ folder }: Pick<Stack, "folder">): Promise<string> {
  const env = { PATH: process.env.PATH ?? "", PARLEY_DATABASE_URL: `sqlite:${folder}` };
  const words = [main, "keys", "create", "--name", "test"];
  return (await promisify(execFile)(process.execPath, words, { env, cwd: folder })).stdout.trim();
}
