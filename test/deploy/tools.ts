import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { createPythonEnvironment } from "../python/environment.ts";

/**
 * The tools that check deploy/: Python packages, and schemas out of the Go modules of those who make them. CI requires
 * them; elsewhere the checks run where somebody prepared them and there is Go.
 */
export const deployTools = createPythonEnvironment(join(import.meta.dirname, "requirements.txt"));

export const folder = join(import.meta.dirname, "../../deploy");

const modules = {
  gatewayApi: "sigs.k8s.io/gateway-api@v1.4.1",
  certManager: "github.com/cert-manager/cert-manager@v1.19.1",
  compose: "github.com/compose-spec/compose-go/v2@v2.9.1",
} as const;

/** Whether the checks can run here; in CI it makes that they can. Says on a line why not. */
export async function areToolsReady(): Promise<boolean> {
  if (process.env.CI) await deployTools.prepare();
  if (deployTools.find() !== undefined && (process.env.CI || hasGo())) return true;
  console.log(
    "Checks of deploy/ are skipped: `node test/deploy/prepare.ts` makes their tools, and they need Go.",
  );
  return false;
}

/** Runs one of the tools; answers what it printed. */
export function runTool(name: string, args: string[], input?: string): string {
  const tool = join(deployTools.find() ?? "", name);
  return execFileSync(tool, args, { encoding: "utf8", cwd: folder, input, maxBuffer: 64 * 1024 * 1024 });
}

/** Runs a script of this folder. */
export function runScript(name: string, args: string[], input?: string): string {
  return runTool("python3", [join(import.meta.dirname, name), ...args], input);
}

/** Folders with the definitions of custom resources. Strimzi's are in no registry. */
export function crdFolders(): string[] {
  const gatewayApi = join(moduleFolder("gatewayApi"), "config/crd/standard");
  return [gatewayApi, join(moduleFolder("certManager"), "deploy/crds")];
}

export function composeSchema(): string {
  return join(moduleFolder("compose"), "schema/compose-spec.json");
}

function moduleFolder(name: keyof typeof modules): string {
  const printed = execFileSync("go", ["mod", "download", "-json", modules[name]], {
    cwd: "/",
    encoding: "utf8",
  });
  return JSON.parse(printed).Dir;
}

function hasGo(): boolean {
  try {
    execFileSync("go", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
