import { execFile, execFileSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { findPython } from "../python/environment.ts";
import { type Stack, startOneProcess } from "../stack.ts";

const root = join(import.meta.dirname, "../..");
const templates = join(root, "docs/templates");
const PATH = [join(root, "node_modules/.bin"), findPython(), process.env.PATH].filter(Boolean).join(":");
const said = "2 Hello\nNOT_FOUND MESSAGE_NOT_FOUND\n";
const timeout = 300_000;

test("the page shows the files as they are", () => {
  const page = readFileSync(join(root, "docs/clients.md"), "utf8");
  for (const file of readdirSync(templates)) {
    const shown = page.includes(`\n${readFileSync(join(templates, file), "utf8")}\`\`\`\n`);
    expect({ file, shown }).toEqual({ file, shown: true });
  }
});

describe("a client generated from a running server, as docs/clients.md says", { timeout }, () => {
  let stack: Stack;
  let folder: string;

  beforeAll(async () => {
    stack = await startOneProcess();
  });
  afterAll(() => stack?.[Symbol.asyncDispose]());
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "parley-client-"));
    mkdirSync(join(folder, "gen"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** What a program of the folder writes. */
  async function run(command: string, ...args: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(command, args, {
      cwd: folder,
      env: { ...process.env, PATH },
    });
    return stdout;
  }

  async function generate(language: string, program: string, as = program): Promise<void> {
    copyFileSync(join(templates, program), join(folder, as));
    const template = join(templates, `buf.gen.${language}.yaml`);
    await run("buf", "generate", `${stack.url}/parley.binpb`, "--template", template);
  }

  test("TypeScript", async () => {
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    await generate("typescript", "hello.ts", "hello.mts");
    const options = ["--strict", "--target", "es2022", "--module", "nodenext", "--types", "node"];
    await run("tsc", ...options, "--outDir", "out", "hello.mts");
    expect(await run("node", "out/hello.mjs", stack.url)).toBe("2 Hello\nNotFound MESSAGE_NOT_FOUND\n");
  });

  test.skipIf(lacks("python3", ["-c", "import grpc_tools"], "pip install grpcio-tools"))(
    "Python",
    async () => {
      await generate("python", "hello.py");
      expect(await run("python3", "hello.py", new URL(stack.grpcUrl).host)).toBe(said);
    },
  );

  // Not in CI, which has no Go: compiling gRPC takes minutes the first time.
  test.skipIf(lacks("protoc-gen-go-grpc", ["--version"], "the two `go install` of buf.gen.go.yaml"))(
    "Go",
    async () => {
      await generate("go", "hello.go");
      await run("go", "mod", "init", "example.com/app");
      await run("go", "mod", "tidy");
      await run("go", "build", "-o", "hello", ".");
      const written = await run("./hello", new URL(stack.grpcUrl).host);
      expect(written).toBe("2 Hello\nNotFound MESSAGE_NOT_FOUND\n");
    },
  );
});

/** Whether a command is missing; says once how to get it. */
function lacks(command: string, args: string[], howToGet: string): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore", env: { ...process.env, PATH } });
    return false;
  } catch {
    console.warn(`skipped: ${command} ${args.join(" ")} fails; ${howToGet}`);
    return true;
  }
}
