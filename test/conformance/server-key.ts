import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { inheritedEnv } from "../inherited-env.ts";
import type { RunningStack } from "../stack.ts";

const main = join(import.meta.dirname, "../../services/main.ts");

type Place = Pick<RunningStack, "databaseUrl">;

/** `parley keys …`, as an operator types it beside the Parley that runs on these data. Answers what it prints. */
export async function parleyKeys({ databaseUrl }: Place, ...words: string[]): Promise<string> {
  const env = { ...inheritedEnv, PARLEY_DATABASE_URL: databaseUrl };
  const { stdout } = await promisify(execFile)(process.execPath, [main, "keys", ...words], { env });
  return stdout.trim();
}

/** A server key of that Parley, with options of `parley keys create`. */
export function serverKeyFor(stack: Place, ...options: string[]): Promise<string> {
  return parleyKeys(stack, "create", "--name", "test", ...options);
}
