import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readImage } from "./image.ts";
import { areToolsReady, crdFolders, folder, runScript, runTool } from "./tools.ts";
import { buildManifests, buildYaml, type Manifest, podsOf, readCompose } from "./workloads.ts";

const overlays = ["overlays/small", "overlays/production", "single"];
const ready = await areToolsReady();

describe.runIf(ready)("the image and compose", () => {
  test("the Dockerfile is as hadolint wants it", () => {
    expect(runTool("hadolint", ["--no-color", "Dockerfile"])).toBe("");
  });

  test("the compose file keeps Compose's schema, and names what is there", () => {
    const compose = readCompose();
    for (const [name, service] of Object.entries<Manifest>(compose.services)) {
      for (const needed of Object.keys(service.depends_on ?? {}))
        expect(Object.keys(compose.services), name).toContain(needed);
      for (const secret of service.secrets ?? [])
        expect(Object.keys(compose.secrets), name).toContain(secret);
      const used = Object.values<string>(service.environment ?? {}).flatMap(
        (value) => /^\/run\/secrets\/(.*)/.exec(value)?.[1] ?? [],
      );
      for (const secret of used) expect(service.secrets, name).toContain(secret);
      for (const volume of service.volumes ?? []) {
        const [source] = volume.split(":");
        if (source.startsWith("./")) expect(existsSync(join(folder, source)), source).toBe(true);
        else expect(Object.keys(compose.volumes)).toContain(source);
      }
    }
  });

  test("its scripts are shell, and make every secret that it names", () => {
    const script = readFileSync(join(folder, "compose/make-secrets.sh"), "utf8");
    execFileSync("sh", ["-n", join(folder, "compose/make-secrets.sh")]);
    execFileSync("bash", ["-n", join(folder, "compose/sqlserver.sh")]);
    for (const name of Object.keys(readCompose().secrets)) expect(script).toContain(`make ${name} `);
  });
});

describe.runIf(ready).each(overlays)("kubernetes/%s", (overlay) => {
  test("keeps the schemas of Kubernetes, Gateway API and cert-manager", { timeout: 120_000 }, () => {
    const faults = runScript("validate.py", crdFolders(), buildYaml(overlay)).split("\n").filter(Boolean);
    const isUnchecked = (fault: string) => /^Kafka\w* \S+: unchecked$/.test(fault);
    expect(faults.filter((fault) => !isUnchecked(fault))).toEqual([]);
  });

  test("lets no process do more than it has to", () => {
    for (const { spec, name, kind } of podsOf(buildManifests(overlay))) {
      const [container, ...others] = spec.containers;
      expect(others).toEqual([]);
      expect(spec).toMatchObject({
        automountServiceAccountToken: false,
        securityContext: {
          runAsNonRoot: true,
          runAsUser: readImage().uid,
          seccompProfile: { type: "RuntimeDefault" },
        },
      });
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
      expect(container.resources.limits.memory, name).toBeDefined();
      if (kind === "Job") continue;
      for (const probe of ["startupProbe", "readinessProbe", "livenessProbe"])
        expect(["/readyz", "/healthz"]).toContain(container[probe].httpGet.path);
      expect(spec.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(
        10 + (container.lifecycle?.preStop.sleep.seconds ?? 0) + 10,
      );
    }
  });

  test("fits together: ports, selectors, secrets, config maps, routes", () => {
    const manifests = buildManifests(overlay);
    const pods = podsOf(manifests);
    const ofKind = (kind: string) => manifests.filter((each) => each.kind === kind);
    const { ports } = readImage();
    for (const { spec, name } of pods) {
      const [container] = spec.containers;
      for (const { containerPort } of container.ports ?? []) expect(ports, name).toContain(containerPort);
      const mounted = container.volumeMounts.map((mount: Manifest) => mount.name).sort();
      const given = (spec.volumes ?? []).map((volume: Manifest) => volume.name).sort();
      const claimed = ofKind("StatefulSet").flatMap((set) =>
        set.spec.volumeClaimTemplates.map((claim: Manifest) => claim.metadata.name),
      );
      expect(mounted, name).toEqual([...given, ...claimed].sort());
      for (const { secret } of spec.volumes ?? [])
        expect(madeOrNamed(manifests), name).toContain(secret.secretName);
    }
    for (const service of ofKind("Service")) {
      const chosen = pods.filter(({ labels }) => matches(service.spec.selector, labels));
      expect(
        chosen.map(({ name }) => name),
        service.metadata.name,
      ).toHaveLength(1);
      const names = chosen[0]?.spec.containers[0].ports.map((port: Manifest) => port.name);
      for (const { targetPort } of service.spec.ports) expect(names).toContain(targetPort);
    }
    for (const kind of ["PodDisruptionBudget", "NetworkPolicy"])
      for (const { spec, metadata } of ofKind(kind)) {
        const { matchLabels } = spec.selector ?? spec.podSelector;
        expect(
          pods.some(({ labels }) => matches(matchLabels, labels)),
          metadata.name,
        ).toBe(true);
      }
    for (const { spec } of ofKind("HorizontalPodAutoscaler"))
      expect(
        manifests.some(
          (each) => each.kind === spec.scaleTargetRef.kind && each.metadata.name === spec.scaleTargetRef.name,
        ),
      ).toBe(true);
    for (const route of [...ofKind("HTTPRoute"), ...ofKind("GRPCRoute")])
      for (const { name, port } of route.spec.rules.flatMap((rule: Manifest) => rule.backendRefs ?? [])) {
        const service = ofKind("Service").find((each) => each.metadata.name === name);
        expect(
          service?.spec.ports.map((each: Manifest) => each.port),
          route.metadata.name,
        ).toContain(port);
      }
    for (const { metadata } of manifests.filter((each) => each.kind !== "Namespace"))
      expect(metadata.namespace).toBe("parley");
  });
});

/** Secrets that operators make by what is asked of them here, and those that docs/deploy.md tells one to make. */
function madeOrNamed(manifests: Manifest[]): string[] {
  const documented = readFileSync(join(folder, "../docs/deploy.md"), "utf8");
  const made = manifests.flatMap(({ kind, metadata, spec }) => {
    if (kind === "Certificate") return [spec.secretName];
    if (kind === "KafkaUser") return [metadata.name];
    return kind === "Kafka" ? [`${metadata.name}-cluster-ca-cert`] : [];
  });
  const named = [...documented.matchAll(/create secret generic (\S+)/g)].map(([, name = ""]) => name);
  return [...made, ...named];
}

const matches = (selector: Record<string, string>, labels: Record<string, string>) =>
  Object.entries(selector).every(([name, value]) => labels[name] === value);
