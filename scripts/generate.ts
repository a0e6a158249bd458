/**
 * `npm run generate`: gen/ from proto/, the code and the image that clients are generated from, and client/gen. With `--check` it changes
 * nothing and fails when they are not what would be generated.
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
    for (const folder of ["gen", "client/gen"]) {
      const differing = difference(join(fresh, folder), folder);
      if (differing.length === 0) continue;
      console.error(`${folder}/ is not up to date, run npm run generate:\n  ${differing.join("\n  ")}`);
      process.exitCode = 1;
    }
  } finally {
    rmSync(fresh, { recursive: true });
  }
} else {
  generate(".");
}

/** Into gen/ and client/gen/ in this folder. */
function generate(folder: string): void {
  for (const template of ["buf.gen.yaml", "buf.gen.client.yaml"]) {
    const args = ["generate", "--template", template, "--output", folder];
    execFileSync("node_modules/.bin/buf", args, { stdio: "inherit" });
  }
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
