/**
 * `npm run check`: everything about the tree that needs no running, side by side. Prints one line per check, then the
 * output of those that failed; exits 1 when one did.
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeThirdPartyProtos } from "./third-party-protos.ts";

interface Outcome {
  name: string;
  ok: boolean;
  output: string;
}

const outcomes = await Promise.all([
  run("types", "tsc", ["--noEmit"]),
  run("types of the page", "tsc", ["--noEmit", "--project", "gateway/web/page"]),
  run("types of its tests", "tsc", ["--noEmit", "--project", "test/browser"]),
  run("types of the client without Node", "tsc", ["--noEmit", "--project", "client"]),
  run("reference of the client", "node", ["scripts/client-reference.ts", "--check"]),
  run("format, lint, imports", "biome", ["ci", "--colors=off", "--max-diagnostics=200"]),
  checkContracts(),
]);
const failed = outcomes.flat().filter((outcome) => !outcome.ok);
for (const { name, output } of failed) console.error(`\n--- ${name}\n${output.trim()}`);
if (failed.length > 0) {
  console.error(`\ncheck failed: ${failed.map((outcome) => outcome.name).join("; ")}`);
  process.exitCode = 1;
}

/** The generator goes first, since it puts the foreign .proto files in place that buf needs for everything else. */
async function checkContracts(): Promise<Outcome[]> {
  const generated = await run("generated code", "node", ["scripts/generate.ts", "--check"]);
  return [generated, ...(await Promise.all([run("buf lint", "buf", ["lint"]), checkBreaking()]))];
}

/** Compares with main as the remote has it, else as it is here. */
async function checkBreaking(): Promise<Outcome> {
  const name = "buf breaking";
  const base = ["origin/main", "main"].find((ref) => hasContracts(ref));
  if (base === undefined) return report({ name, ok: true, output: "" }, "skipped: main has no contracts yet");
  const folder = mkdtempSync(join(tmpdir(), "parley-base-"));
  try {
    checkOut(base, folder);
    return await run(name, "buf", ["breaking", "--against", folder]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function hasContracts(ref: string): boolean {
  try {
    execFileSync("git", ["cat-file", "-e", `${ref}:proto`], { stdio: "ignore" });
    execFileSync("git", ["cat-file", "-e", `${ref}:buf.yaml`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** A folder and not `.git#branch=main`, which would lack the foreign .proto files that are never committed. */
function checkOut(ref: string, folder: string): void {
  const archive = execFileSync("git", ["archive", ref, "proto", "buf.yaml"], { maxBuffer: 64 * 1024 * 1024 });
  execFileSync("tar", ["-x", "-C", folder], { input: archive });
  mkdirSync(join(folder, "third_party"));
  writeThirdPartyProtos(join(folder, "third_party"));
}

function run(name: string, command: string, args: string[]): Promise<Outcome> {
  const started = performance.now();
  return new Promise((resolve) => {
    const child = spawn(join("node_modules/.bin", command), args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const collect = (chunk: string) => {
      output += chunk;
    };
    child.stdout.setEncoding("utf8").on("data", collect);
    child.stderr.setEncoding("utf8").on("data", collect);
    child.on("error", (error) => collect(String(error)));
    child.on("close", (code) => {
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      resolve(report({ name, ok: code === 0, output }, `${seconds} s`));
    });
  });
}

function report(outcome: Outcome, note: string): Outcome {
  console.log(`${outcome.ok ? "ok    " : "FAILED"} ${outcome.name} (${note})`);
  return outcome;
}
