import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const pom = join(import.meta.dirname, "pom.xml");

/** Where jars and data are kept between runs; not under version control. */
export const cacheFolder = join(import.meta.dirname, "../../.cache/kafka");

/** What is missing on this machine to run a broker, and how to get it; undefined if nothing is. */
export async function missingTools(): Promise<string | undefined> {
  const found = async (command: string) => {
    try {
      await run(command, ["-version"]);
      return true;
    } catch {
      return false;
    }
  };
  const tools = existsSync(jarFolder()) ? ["java"] : ["java", "mvn"];
  const missing = [];
  for (const tool of tools) if (!(await found(tool))) missing.push(tool);
  if (missing.length === 0) return undefined;
  return `${missing.join(" and ")} missing: on Debian, apt-get install openjdk-17-jre-headless maven`;
}

/** The folder of the broker's jars, which Maven brings the first time. */
export async function findJars(): Promise<string> {
  const folder = jarFolder();
  if (existsSync(folder)) return folder;
  mkdirSync(dirname(folder), { recursive: true });
  // Under its name only when it is whole; whoever is first wins.
  const coming = mkdtempSync(`${folder}-`);
  const words = ["-q", "-B", "-f", pom, "dependency:copy-dependencies", "-DincludeScope=runtime"];
  try {
    await run("mvn", [...words, `-DoutputDirectory=${coming}`], { maxBuffer: 16 * 1024 * 1024 });
    if (!existsSync(folder)) renameSync(coming, folder);
  } finally {
    rmSync(coming, { recursive: true, force: true });
  }
  return folder;
}

/** Another pom, other jars. */
function jarFolder(): string {
  const version = createHash("sha256").update(readFileSync(pom)).digest("hex").slice(0, 12);
  return join(cacheFolder, `jars-${version}`);
}
