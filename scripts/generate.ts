/**
 * `npm run generate`: gen/ from proto/, the code and the image that clients are generated from. With `--check` it changes
 * nothing and fails when gen/ is not what would be generated.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildPublicImage } from "./public-image.ts";
import { writeThirdPartyProtos } from "./third-party-protos.ts";

writeThirdPartyProtos("third_party");
if (process.argv.includes("--check")) {
  const fresh = mkdtempSync(join(tmpdir(), "parley-gen-"));
  try {
    generate(fresh);
    const differing = difference(join(fresh, "gen"), "gen");
    if (differing.length > 0) {
      console.error(`gen/ is not up to date, run npm run generate:\n  ${differing.join("\n  ")}`);
      process.exitCode = 1;
    }
  } finally {
    rmSync(fresh, { recursive: true });
  }
} else {
  generate(".");
}

/** Into gen/ in this folder. */
function generate(folder: string): void {
  execFileSync("node_modules/.bin/buf", ["generate", "--output", folder], { stdio: "inherit" });
  writeFileSync(join(folder, "gen/parley.binpb"), buildPublicImage());
}

/** Files that are not the same in both folders. */
function difference(left: string, right: string): string[] {
  const all = new Set([...filesIn(left), ...filesIn(right)]);
  return [...all].filter((file) => read(join(left, file)) !== read(join(right, file))).sort();
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "base64");
  } catch {
    return undefined;
  }
}
