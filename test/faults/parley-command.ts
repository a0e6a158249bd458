import { spawn } from "node:child_process";
import { join } from "node:path";
import { inheritedEnv } from "../inherited-env.ts";

const main = join(import.meta.dirname, "../../services/main.ts");

export interface Ended {
  /** The exit code; null if a signal ended it. */
  code: number | null;
  /** What it wrote, on both. */
  output: string;
}

/** Runs the `parley` command on a data folder; the signal kills it. */
export async function runParley(folder: string, args: string[], signal?: AbortSignal): Promise<Ended> {
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...inheritedEnv, PARLEY_DATABASE_URL: `sqlite:${folder}` },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      output += chunk;
    });
  signal?.addEventListener("abort", () => child.kill("SIGKILL"));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, output };
}
