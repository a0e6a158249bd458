import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../services/common/test-free-port.ts";
import { startMesh, startMeshOnKafka } from "./mesh-stack.ts";
import { createStackProcess } from "./stack-process.ts";

/** What suites need of a Parley that runs. */
export interface RunningStack {
  /** http://127.0.0.1:port */
  readonly url: string;
  /** The same for WebSockets: each may come to another gateway, if there are several. */
  readonly socketUrl: string;
  /** The same for gRPC. */
  readonly grpcUrl: string;
  /** Where its files are: its data, if they aren't on a server. */
  readonly folder: string;
  /** Where its data is, for commands beside it. */
  readonly databaseUrl: string;
  /** Everything it has written, for assertions and for the message of a failed test. */
  readonly output: () => string | Promise<string>;
}

/**
 * A Parley that runs for a test: real processes, started as a user would, on free ports and data of its own.
 *
 * A topology is a line in `known`; the suites run against each, unchanged.
 */
export interface Stack extends RunningStack {
  /** The process that clients talk to. */
  readonly pid: number;
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
  /** How many gateways clients reach in turn: each counts rates by itself. */
  readonly gateways: number;
  /** Whether one process, the one with the operator port, has the metrics of all parts. */
  readonly isWhole: boolean;
  start(options?: StackOptions): Promise<Stack>;
  /** The one that all files of a test run share, if there is one. */
  share?(): Promise<RunningStack>;
}

const known: readonly Topology[] = [
  { name: "one process", start: startOneProcess, gateways: 1, isWhole: true },
  { name: "mesh", start: startMesh, gateways: 2, isWhole: false },
  {
    name: "mesh on Kafka",
    // Loaded here, since the cluster belongs to the run of some projects, and others start stacks, too.
    async start(options) {
      const { sharedKafka } = await import("./kafka.ts");
      return startMeshOnKafka((await sharedKafka()).url, options);
    },
    async share() {
      const { sharedMesh } = await import("./kafka.ts");
      return sharedMesh("sqlite");
    },
    gateways: 2,
    isWhole: false,
  },
  {
    name: "mesh on SQL Server and Kafka",
    async start(options) {
      const { sharedKafka } = await import("./kafka.ts");
      const { startMeshOnSqlServer } = await import("./sql-server-stack.ts");
      return startMeshOnSqlServer((await sharedKafka()).url, options);
    },
    async share() {
      const { sharedMesh } = await import("./kafka.ts");
      return sharedMesh("sql-server");
    },
    gateways: 2,
    isWhole: false,
  },
];

/** Those that a test run is to be about, between commas. */
const named = process.env.PARLEY_TEST_TOPOLOGIES?.split(",");

/** Those that were named; `unlessNamed` if none were. */
export function chosenTopologies(unlessNamed: readonly string[]): readonly Topology[] {
  return known.filter(({ name }) => (named ?? unlessNamed).includes(name));
}

/**
 * Those of all ways to call a topology that suites go: over a mesh that wasn't named, only the essential ones, since the
 * encodings are the same there, and each way takes its time.
 */
export function waysOver<Way>(topology: Topology, ways: { all: readonly Way[]; essential: readonly Way[] }) {
  return topology.share && named === undefined ? ways.essential : ways.all;
}

/** For suites that start stacks of their own. */
export const topologies: readonly Topology[] = chosenTopologies(["one process"]);

/** `parley serve` with everything in one process. */
export async function startOneProcess(options: StackOptions = {}): Promise<Stack> {
  const folder = mkdtempSync(join(tmpdir(), "parley-test-"));
  const url = options.url ?? `http://127.0.0.1:${await freePort()}`;
  const grpcUrl = `http://127.0.0.1:${await freePort()}`;
  const isReady = options.isReady ?? (async () => (await fetch(`${url}/readyz`)).ok);
  const env = {
    PARLEY_HTTP_PORT: new URL(url).port,
    PARLEY_GRPC_PORT: new URL(grpcUrl).port,
    PARLEY_DATABASE_URL: `sqlite:${folder}`,
    PARLEY_LIMITS: "off",
    PARLEY_LOG_LEVEL: "info",
    ...options.env,
  };
  const only = createStackProcess({ env, folder, isReady });
  const dispose = async () => {
    await only.end("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  await only.start().catch(async (error) => {
    await dispose();
    throw error;
  });
  return {
    url,
    socketUrl: url,
    grpcUrl,
    folder,
    databaseUrl: env.PARLEY_DATABASE_URL,
    get pid() {
      return only.pid;
    },
    output: only.output,
    kill: async () => void (await only.end("SIGKILL")),
    terminate: () => only.end("SIGTERM"),
    start: only.start,
    [Symbol.asyncDispose]: dispose,
  };
}
