import { ConfigError, type Environment } from "../common/config.ts";
import { checkCertificate } from "./check-certificate.ts";
import { checkDataFolder } from "./check-data-folder.ts";
import { checkDatabases } from "./check-databases.ts";
import { checkEvents } from "./check-events.ts";
import { checkPorts } from "./check-ports.ts";
import { type ParleyConfig, readParleyConfig } from "./config.ts";
import type { Finding } from "./finding.ts";

/** `parley doctor`: prints what it finds, changes nothing, and answers whether all is well. Parley may be running. */
export async function doctor(env: Environment): Promise<boolean> {
  const findings = await examine(env);
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

async function examine(env: Environment): Promise<Finding[]> {
  let config: ParleyConfig;
  try {
    config = readParleyConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const advice = "Correct the environment variable; the other checks need the configuration.";
    return [checkNode(), ...error.problems.map((found) => ({ what: "configuration", found, advice }))];
  }
  return [
    checkNode(),
    { what: "configuration", found: "complete" },
    ...checkDataFolder(config.databaseUrl),
    ...(await checkDatabases(config.databaseUrl)),
    ...(await checkEvents(config.events)),
    ...checkCertificate(config.gateway.tls),
    ...(await checkPorts(config.gateway, config.operator)),
  ];
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
