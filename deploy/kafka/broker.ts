import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort } from "../../services/common/test-free-port.ts";
import { findJars } from "./jars.ts";
import { brokerProperties, type SecureListener, scramArguments } from "./properties.ts";

/** A single Apache Kafka node as a child process. */
export interface Broker {
  /** `127.0.0.1:port`, without a password. */
  readonly address: string;
  /** `127.0.0.1:port` of the listener that asks who one is; undefined if there is none. */
  readonly secureAddress: string | undefined;
  readonly pid: number;
  /** Sends a signal, such as SIGSTOP and SIGCONT. */
  signal(name: NodeJS.Signals): void;
  /** Ends it; resolves when it is gone. SIGKILL is a power cut. */
  stop(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** Starts it again, on the same ports and data. */
  start(): Promise<void>;
  /** Resolves when it ended, whoever ended it. */
  ended(): Promise<void>;
}

export interface BrokerOptions {
  /** Its data; made if it isn't there. */
  folder: string;
  /** Any free one unless given. */
  port?: number | undefined;
  secure?: Omit<SecureListener, "port"> | undefined;
}

const run = promisify(execFile);
const readyTimeoutMs = 60_000;
const jvm = ["-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];

/** Resolves when it answers. */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const { folder } = options;
  const jars = await findJars();
  const port = options.port ?? (await freePort());
  const controllerPort = await freePort();
  const secure = options.secure && { ...options.secure, port: await freePort() };
  const properties = join(folder, "server.properties");
  const dataFolder = join(folder, "data");
  const java = (main: string, ...words: string[]) => [...jvm, "-cp", join(jars, "*"), main, ...words];
  mkdirSync(folder, { recursive: true });
  writeFileSync(properties, brokerProperties({ port, controllerPort, dataFolder, secure }), { mode: 0o600 });
  if (!existsSync(dataFolder)) {
    const id = randomBytes(16).toString("base64url").replace(/^-/, "A");
    const words = ["format", "-t", id, "-c", properties, ...scramArguments(secure)];
    await run("java", java("kafka.tools.StorageTool", ...words));
  }

  let child: ChildProcess;
  let output = "";
  let gone = Promise.resolve();
  const end = () => void child?.kill("SIGKILL");
  process.once("exit", end);

  const start = async () => {
    output = "";
    child = spawn("java", java("kafka.Kafka", properties), { stdio: ["ignore", "pipe", "pipe"] });
    const collect = (chunk: Buffer) => {
      output = (output + chunk).slice(-20_000);
    };
    child.stdout?.on("data", collect);
    child.stderr?.on("data", collect);
    gone = new Promise((resolve) => child.once("exit", () => resolve()));
    await untilListening(port, child, () => output);
  };

  await start();
  return {
    address: `127.0.0.1:${port}`,
    secureAddress: secure && `127.0.0.1:${secure.port}`,
    get pid() {
      return child.pid ?? 0;
    },
    signal: (name) => void child.kill(name),
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      await gone;
    },
    start,
    ended: () => gone,
  };
}

async function untilListening(port: number, child: ChildProcess, output: () => string): Promise<void> {
  const deadline = Date.now() + readyTimeoutMs;
  while (!(await isListening(port))) {
    if (child.exitCode !== null) throw new Error(`Kafka exited with ${child.exitCode}:\n${output()}`);
    if (Date.now() > deadline) {
      child.kill("SIGKILL");
      throw new Error(`Kafka doesn't listen after ${readyTimeoutMs} ms:\n${output()}`);
    }
    await setTimeout(100);
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
