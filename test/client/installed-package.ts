import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export const root = join(import.meta.dirname, "../..");
export const manifest = JSON.parse(readFileSync(join(root, "client/package.json"), "utf8"));

/** The client as npm would publish it, installed in a folder of its own. */
export interface InstalledPackage {
  /** A program in it can import `parley-client`. */
  readonly folder: string;
  /** Where the package itself is. */
  readonly path: string;
  remove(): void;
}

export function installPackage(): InstalledPackage {
  const folder = mkdtempSync(join(tmpdir(), "parley-package-"));
  const path = join(folder, "node_modules/parley-client");
  mkdirSync(path, { recursive: true });
  execFileSync("node", [join(root, "scripts/build-client.ts"), join(folder, "build")]);
  const pack = ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder];
  execFileSync("npm", pack, { cwd: join(folder, "build") });
  const archive = join(folder, `${manifest.name}-${manifest.version}.tgz`);
  execFileSync("tar", ["-xzf", archive, "--strip-components=1", "-C", path]);
  for (const name of Object.keys(manifest.dependencies)) {
    mkdirSync(dirname(join(folder, "node_modules", name)), { recursive: true });
    symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
  }
  writeFileSync(join(folder, "package.json"), '{"type": "module"}');
  return { folder, path, remove: () => rmSync(folder, { recursive: true }) };
}
