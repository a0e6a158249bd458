import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { fromBinary, fromJson, type JsonObject } from "@bufbuild/protobuf";
import { StatusSchema } from "#gen/google/rpc/status_pb.js";
import { findPython, howToPrepare, pythonFolder } from "../../python/environment.ts";
import { type Answer, badAnswer, goodAnswer } from "./answer.ts";
import { type Call, type CallClient, type Method, messageOf, type Surface } from "./client.ts";

const root = join(import.meta.dirname, "../../..");

/** Python with grpcio, and the code that `buf generate` makes from the running server. */
export const python: Surface = {
  name: "gRPC, Python",
  async connect({ url, grpcUrl }) {
    const bin = findPython();
    if (bin === undefined) throw new Error(howToPrepare);
    const generated = await generate(url, bin);
    const script = join(root, "test/python/call.py");
    const child = spawn(join(bin, "python3"), [script, generated, new URL(grpcUrl).host], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    return createPythonClient(child);
  },
};

interface Line {
  readonly id: number;
  readonly ok?: JsonObject;
  readonly code?: number;
  readonly message?: string;
  readonly details?: string | null;
  readonly headers?: Record<string, string>;
  readonly fault?: string;
}

function createPythonClient(child: ChildProcess): CallClient {
  const { stdin, stdout } = child;
  if (!stdin || !stdout) throw new Error("the Python client has no pipes");
  const waiting = new Map<number, (line: Line) => void>();
  let last = 0;
  createInterface({ input: stdout }).on("line", (text) => {
    const line = JSON.parse(text) as Line;
    waiting.get(line.id)?.(line);
    waiting.delete(line.id);
  });
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => {
      for (const [id, answer] of waiting) answer({ id, fault: "the Python client exited" });
      resolve();
    });
  });

  async function call({ method, request, token, timeoutMs, undecodable }: Call): Promise<Answer | undefined> {
    if (messageOf(method, request) === undefined) return undefined;
    const id = ++last;
    const line = await new Promise<Line>((resolve) => {
      waiting.set(id, resolve);
      const service = method.parent.typeName;
      const timeout = timeoutMs === undefined ? undefined : timeoutMs / 1000;
      const asked = { id, service, method: method.name, request, token, timeout, undecodable };
      stdin?.write(`${JSON.stringify(asked)}\n`);
    });
    return answerOf(method, line);
  }
  return {
    call,
    async close() {
      stdin.end();
      await exited;
    },
  };
}

function answerOf(method: Method, line: Line): Answer {
  const headers = new Headers(line.headers);
  if (line.ok !== undefined) return goodAnswer(method, fromJson(method.output, line.ok), headers);
  if (!line.details) throw new Error(`Python got ${JSON.stringify(line)}`);
  const status = fromBinary(StatusSchema, Buffer.from(line.details, "base64"));
  if (status.code !== line.code || status.message !== line.message)
    throw new Error(
      `the status says ${line.code} ${line.message}, its details ${status.code} ${status.message}`,
    );
  return badAnswer(status, headers);
}

/** What a developer does once: `buf generate` against the server, with the template of the documentation. */
async function generate(url: string, bin: string): Promise<string> {
  const image = Buffer.from(await (await fetch(`${url}/parley.binpb`)).arrayBuffer());
  const folder = join(
    pythonFolder,
    `client-${createHash("sha256").update(image).digest("hex").slice(0, 12)}`,
  );
  if (existsSync(folder)) return join(folder, "gen");
  const making = mkdtempSync(`${folder}-`);
  mkdirSync(join(making, "gen"));
  await promisify(execFile)(
    join(root, "node_modules/.bin/buf"),
    ["generate", `${url}/parley.binpb`, "--template", join(root, "docs/templates/buf.gen.python.yaml")],
    { cwd: making, env: { ...process.env, PATH: `${bin}:${process.env.PATH}` } },
  );
  try {
    renameSync(making, folder);
  } catch {
    // Another run made the same meanwhile.
    rmSync(making, { recursive: true, force: true });
  }
  return join(folder, "gen");
}
