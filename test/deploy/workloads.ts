import { readFileSync } from "node:fs";
import { join } from "node:path";
import { composeSchema, folder, runScript, runTool } from "./tools.ts";

/** A process of Parley as something in deploy/ starts it. */
export interface Workload {
  readonly name: string;
  /** After the entry point. */
  readonly words: string[];
  /** What is set on top of the image's own. */
  readonly env: Record<string, string>;
}

// biome-ignore lint/suspicious/noExplicitAny: manifests of whatever kind
export type Manifest = any;

/** What a kustomization makes. */
export function buildManifests(kustomization: string): Manifest[] {
  return JSON.parse(runScript("to_json.py", [], buildYaml(kustomization)));
}

export function buildYaml(kustomization: string): string {
  return runTool("kubectl", ["kustomize", join("kubernetes", kustomization)]);
}

/** The compose file, checked against the schema of Compose. */
export function readCompose(): Manifest {
  const text = readFileSync(join(folder, "compose.yaml"), "utf8");
  return JSON.parse(runScript("to_json.py", [composeSchema()], text))[0];
}

export function composeWorkloads(compose: Manifest): Workload[] {
  return Object.entries<Manifest>(compose.services)
    .filter(([, service]) => service.image === "parley")
    .map(([name, { command, environment }]) => ({ name, words: command, env: environment }));
}

export function podsOf(
  manifests: Manifest[],
): { name: string; kind: string; spec: Manifest; labels: Manifest }[] {
  return manifests
    .filter(({ kind }) => ["Deployment", "StatefulSet", "Job"].includes(kind))
    .map(({ kind, metadata, spec }) => ({
      name: metadata.name,
      kind,
      spec: spec.template.spec,
      labels: spec.template.metadata.labels,
    }));
}

export function kubernetesWorkloads(manifests: Manifest[]): Workload[] {
  return podsOf(manifests).map(({ name, spec }) => {
    const { args, env = [], envFrom = [] } = spec.containers[0];
    const shared = envFrom.map(({ configMapRef }: Manifest) => {
      const map = manifests.find(
        (each) => each.kind === "ConfigMap" && each.metadata.name === configMapRef.name,
      );
      return map.data;
    });
    const own = Object.fromEntries(env.map(({ name: variable, value }: Manifest) => [variable, value]));
    return { name, words: args, env: Object.assign({}, ...shared, own) };
  });
}
