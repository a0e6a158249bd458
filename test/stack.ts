import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * A Parley that runs for a test: real processes, started as a user would, on free ports and data of its own.
 *
 * A topology is a line in `topologies`; the suites run against each, unchanged.
 */
export interface Stack {
  /** http://127.0.0.1:port */
  readonly url: string;
  /** The same for gRPC. */
  readonly grpcUrl: string;
  /** Where its data is. */
  readonly folder: string;
  /** The process that clients talk to. */
  readonly pid: number;
  /** Everything it has written, for assertions and for the message of a failed test. */
  readonly output: () => string;
  /** Ends it like a power cut. Resolves when the processes are gone. */
  kill(): Promise<void>;
  /** Ends it politely; resolves with the exit code. */
  terminate(): Promise<number | null>;
  /** Starts it again on the same ports and data. */
  start(): Promise<void>;
  /** Ends it and removes its data. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface StackOptions {
  /** On top of the defaults, which turn rates off. */
  env?: Readonly<Record<string, string>>;
  /** Where it is to be asked for, and how it is known to be ready, if that isn't plain HTTP. */
  url?: string;
  isReady?: () => Promise<boolean>;
}

export interface Topology {
  readonly name: string;
  start(options?: StackOptions): Promise<Stack>;
}

export const topologies: readonly Topology[] = [{ name: "one process", start: startOneProcess }];

/** Below the hooks' own time-out; much on a machine with nothing else to do, and not on one that runs other suites. */
const readyTimeoutMs = 60_000;
const root = join(import.meta.dirname, "..");

/** `parley serve` with everything in one process. */
export async function startOneProcess(options: StackOptions = {}): Promise<Stack> {
  const folder = mkdtempSync(join(tmpdir(), "parley-test-"));
  const url = options.url ?? `http://127.0.0.1:${await freePort()}`;
  const grpcUrl = `http://127.0.0.1:${await freePort()}`;
  const isReady = options.isReady ?? (async () => (await fetch(`${url}/readyz`)).ok);
  const env = {
    PATH: process.env.PATH ?? "",
    PARLEY_HTTP_PORT: new URL(url).port,
    PARLEY_GRPC_PORT: new URL(grpcUrl).port,
    PARLEY_DATABASE_URL: `sqlite:${folder}`,
    PARLEY_LIMITS: "off",
    PARLEY_LOG_LEVEL: "info",
    ...options.env,
  };
  let child: ChildProcess | undefined;
  let output = "";

  async function start(): Promise<void> {
    child = spawn(process.execPath, [join(root, "services/main.ts"), "serve"], { env, cwd: folder });
    const collect = (chunk: Buffer) => {
      output += chunk;
    };
    child.stdout?.on("data", collect);
    child.stderr?.on("data", collect);
    await untilReady(isReady, child, () => output);
  }

  async function end(signal: NodeJS.Signals): Promise<number | null> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const exited = new Promise<number | null>((resolve) => child?.once("exit", resolve));
    child.kill(signal);
    return exited;
  }

  const dispose = async () => {
    await end("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  await start().catch(async (error) => {
    await dispose();
    throw error;
  });
  return {
    url,
    grpcUrl,
    folder,
    get pid() {
      return child?.pid ?? 0;
    },
    output: () => output,
    kill: async () => void (await end("SIGKILL")),
    terminate: () => end("SIGTERM"),
    start,
    [Symbol.asyncDispose]: dispose,
  };
}

async function untilReady(
  isReady: () => Promise<boolean>,
  child: ChildProcess,
  output: () => string,
): Promise<void> {
  const deadline = Date.now() + readyTimeoutMs;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`it exited with ${child.exitCode}:\n${output()}`);
    if (await isReady().catch(() => false)) return;
    if (Date.now() > deadline) throw new Error(`it is not ready after ${readyTimeoutMs} ms:\n${output()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
