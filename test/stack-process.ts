import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { inheritedEnv } from "./inherited-env.ts";

/** One `parley serve` of a stack. */
export interface StackProcess {
  readonly pid: number;
  /** Everything it has written, over all its lives. */
  readonly output: () => string;
  /** Resolves when it is ready. Throws if it ends before. */
  start(): Promise<void>;
  /** Resolves with its exit code when it is gone; null if a signal ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

export interface StackProcessOptions {
  /** What it hosts; everything if empty. */
  parts?: readonly string[];
  env: Readonly<Record<string, string>>;
  folder: string;
  isReady(): Promise<boolean>;
  /** How long it may take to be ready, ms. */
  readyTimeoutMs?: number | undefined;
}

/** Below the hooks' own time-out; much on a machine with nothing else to do, and not on one that runs other suites. */
const defaultReadyTimeoutMs = 60_000;
const main = join(import.meta.dirname, "../services/main.ts");

export function createStackProcess(options: StackProcessOptions): StackProcess {
  const { parts = [], env, folder, isReady, readyTimeoutMs = defaultReadyTimeoutMs } = options;
  let child: ChildProcess | undefined;
  let output = "";

  async function untilReady(started: ChildProcess): Promise<void> {
    const deadline = Date.now() + readyTimeoutMs;
    for (;;) {
      if (started.exitCode !== null) throw new Error(`it exited with ${started.exitCode}:\n${output}`);
      if (await isReady().catch(() => false)) return;
      if (Date.now() > deadline)
        throw new Error(`it is not ready after ${readyTimeoutMs} ms:\n${output.slice(-20_000)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  return {
    get pid() {
      return child?.pid ?? 0;
    },
    output: () => output,
    async start() {
      const started = spawn(process.execPath, [main, "serve", ...parts], {
        env: { ...inheritedEnv, ...env },
        cwd: folder,
      });
      child = started;
      const collect = (chunk: Buffer) => {
        output += chunk;
      };
      started.stdout?.on("data", collect);
      started.stderr?.on("data", collect);
      await untilReady(started);
    },
    async end(signal) {
      if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
      const exited = new Promise<number | null>((resolve) => child?.once("exit", resolve));
      child.kill(signal);
      return exited;
    },
  };
}
