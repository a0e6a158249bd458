import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A Python with packages, for tests, made once from the machine's python3 and PyPI and kept from run to run. */
export interface PythonEnvironment {
  readonly folder: string;
  /** The folder of `python3` with the packages, for the head of a PATH; undefined if it isn't made. */
  find(): string | undefined;
  /** Makes it. */
  prepare(): Promise<void>;
}

/** Other requirements make another environment. */
export function createPythonEnvironment(requirements: string): PythonEnvironment {
  const hash = createHash("sha256").update(readFileSync(requirements)).digest("hex").slice(0, 12);
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  const folder = join(cache, `parley-ci/python-${hash}`);
  const find = () => (existsSync(join(folder, "ready")) ? join(folder, "bin") : undefined);
  return {
    folder,
    find,
    async prepare() {
      if (find() !== undefined) return;
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true });
      await run("python3", ["-m", "venv", folder]);
      await run(join(folder, "bin/pip"), ["install", "--quiet", "--requirement", requirements]);
      writeFileSync(join(folder, "ready"), "");
    },
  };
}

const clients = createPythonEnvironment(join(import.meta.dirname, "requirements.txt"));

export const { folder: pythonFolder, find: findPython, prepare: preparePython } = clients;

export const howToPrepare = "`node test/python/prepare.ts` makes what tests in Python need";
