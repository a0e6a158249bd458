import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const requirements = join(import.meta.dirname, "requirements.txt");

/** Where what is made for tests in Python is kept from run to run; another one for other requirements. */
export const pythonFolder = join(
  process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"),
  `parley-ci/python-${createHash("sha256").update(readFileSync(requirements)).digest("hex").slice(0, 12)}`,
);

/** The folder of `python3` with the packages of requirements.txt, for the head of a PATH; undefined if it isn't made. */
export function findPython(): string | undefined {
  return existsSync(join(pythonFolder, "ready")) ? join(pythonFolder, "bin") : undefined;
}

/** Makes it, from the machine's python3 and PyPI. */
export async function preparePython(): Promise<void> {
  if (findPython() !== undefined) return;
  rmSync(pythonFolder, { recursive: true, force: true });
  mkdirSync(pythonFolder, { recursive: true });
  await run("python3", ["-m", "venv", pythonFolder]);
  await run(join(pythonFolder, "bin/pip"), ["install", "--quiet", "--requirement", requirements]);
  writeFileSync(join(pythonFolder, "ready"), "");
}

export const howToPrepare = "`node test/python/prepare.ts` makes what tests in Python need";
