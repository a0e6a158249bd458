import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readDataConfig, readParleyConfig } from "../../services/cli/config.ts";
import { isPart, parts } from "../../services/cli/parts.ts";
import { createTestCertificate } from "../../services/common/test-certificates.ts";
import { readImage } from "./image.ts";
import { areToolsReady } from "./tools.ts";
import {
  buildManifests,
  composeWorkloads,
  kubernetesWorkloads,
  readCompose,
  type Workload,
} from "./workloads.ts";

const ready = await areToolsReady();

/** Every process that deploy/ starts gets a configuration that it takes, and no variable that means nothing to it. */
describe.runIf(ready)("processes are configured", () => {
  const folder = mkdtempSync(join(tmpdir(), "parley-deploy-"));
  const authority = createTestCertificate({ name: "authority", isAuthority: true });
  const { cert, key } = createTestCertificate({ name: "mesh", issuer: authority });
  const secret = "0123456789abcdef".repeat(4);
  const url = "mssql://parley:secret@sqlserver:1433/parley?encrypt=true&trustServerCertificate=true";
  const contents: Record<string, string> = {
    "tls.crt": cert,
    "tls.key": key,
    "ca.crt": authority.cert,
    url,
    database_url: url,
    database_owner_url: url,
  };
  beforeAll(() => {
    const names = ["secret", "password", "mesh_secret", "key_encryption_secret", ...Object.keys(contents)];
    for (const name of names) writeFileSync(join(folder, name), contents[name] ?? secret);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** With files of these tests in place of those that are mounted. */
  const environmentOf = ({ env }: Workload) =>
    Object.fromEntries(
      Object.entries({ ...readImage().env, ...env }).map(([name, value]) => [
        name,
        name.endsWith("_FILE") ? join(folder, basename(value)) : value,
      ]),
    );

  function readConfig(workload: Workload) {
    const [command, ...words] = workload.words;
    const env = environmentOf(workload);
    if (command === "migrate") return readDataConfig(env);
    expect(command).toBe("serve");
    expect(words.every(isPart), workload.name).toBe(true);
    return readParleyConfig(env, new Set(words.length === 0 ? parts : words.filter(isPart)));
  }

  test("by compose", () => {
    const workloads = composeWorkloads(readCompose());
    expect(workloads.map(({ name }) => name).sort()).toEqual([...parts, "migrate"].sort());
    for (const workload of workloads) expect(() => readConfig(workload), workload.name).not.toThrow();
  });

  test.each([
    ["overlays/small", [...parts, "migrate"]],
    ["overlays/production", [...parts, "migrate"]],
    ["single", ["parley"]],
  ])("by kubernetes/%s", (overlay, names) => {
    const workloads = kubernetesWorkloads(buildManifests(overlay));
    expect(workloads.map(({ name }) => name).sort()).toEqual([...names].sort());
    for (const workload of workloads) expect(() => readConfig(workload), workload.name).not.toThrow();
  });
});
