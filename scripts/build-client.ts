/**
 * `npm run build:client [folder]`: the client as a package, in client/build or another folder, for `npm publish` there.
 * It is compiled without Node's types, so that nothing of Node can be in it.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const client = join(root, "client");
const folder = process.argv[2] ?? join(client, "build");

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const out = ["--outDir", join(folder, "dist")];
execFileSync(join(root, "node_modules/.bin/tsc"), ["--project", client, ...out], { stdio: "inherit" });
cpSync(join(client, "gen"), join(folder, "gen"), { recursive: true });
for (const file of ["client/README.md", "LICENSE"])
  cpSync(join(root, file), join(folder, file.replace("client/", "")));
const { private: _, ...manifest } = JSON.parse(readFileSync(join(client, "package.json"), "utf8"));
writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
