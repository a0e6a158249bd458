import { ConfigError, type Environment } from "../common/config.ts";
import { checkCertificate } from "./check-certificate.ts";
import { checkDataFolder } from "./check-data-folder.ts";
import { checkDatabases } from "./check-databases.ts";
import { checkEvents } from "./check-events.ts";
import { checkPeers } from "./check-peers.ts";
import { checkPorts } from "./check-ports.ts";
import { type ParleyConfig, readParleyConfig } from "./config.ts";
import { databasesAt } from "./databases.ts";
import type { Finding } from "./finding.ts";
import type { Part } from "./parts.ts";

/** `parley doctor`: prints what it finds, changes nothing, and answers whether all is well. Parley may be running. */
export async function doctor(env: Environment, hosted: ReadonlySet<Part>): Promise<boolean> {
  const findings = await examine(env, hosted);
  for (const { what, found, advice } of findings) {
    console.log(`${advice === undefined ? "ok  " : "FAIL"}  ${what}: ${found}`);
    if (advice !== undefined) console.log(`      ${advice}`);
  }
  const failures = findings.filter(({ advice }) => advice !== undefined);
  console.log(
    failures.length === 0 ? "\nAll is well." : `\n${failures.length} of ${findings.length} need something.`,
  );
  return failures.length === 0;
}

async function examine(env: Environment, hosted: ReadonlySet<Part>): Promise<Finding[]> {
  let config: ParleyConfig;
  try {
    config = readParleyConfig(env, hosted);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const advice = "Correct the environment variable; the other checks need the configuration.";
    return [checkNode(), ...error.problems.map((found) => ({ what: "configuration", found, advice }))];
  }
  return [
    checkNode(),
    { what: "configuration", found: "complete" },
    ...(await checkData(config)),
    ...(await checkEvents(config.events)),
    ...checkCertificate(config.gateway?.tls),
    ...checkCertificate(config.mesh?.tls, { name: "mesh certificate" }),
    ...(await checkPorts({ ...config, mesh: config.mesh?.listen })),
    ...(await checkPeers(config.mesh)),
  ];
}

/** Of the parts that keep any. */
async function checkData({ databaseUrl, hosted }: ParleyConfig): Promise<Finding[]> {
  if (databaseUrl === undefined) return [];
  const databases = databasesAt(databaseUrl).filter(({ name }) => (hosted as ReadonlySet<string>).has(name));
  return [...checkDataFolder(databaseUrl), ...(await checkDatabases(databases))];
}

const oldestNode = 24;

function checkNode(): Finding {
  const [major] = process.versions.node.split(".").map(Number);
  const finding = { what: "Node.js", found: process.version };
  if (major! >= oldestNode) return finding;
  return {
    ...finding,
    advice: `Use Node.js ${oldestNode} or later; \`npm ci\` brings it for the npm scripts.`,
  };
}
