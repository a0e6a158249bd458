import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../../services/common/test-free-port.ts";
import { createApi, roomOf, send } from "../conformance/api.ts";
import { readImage } from "./image.ts";

const root = join(import.meta.dirname, "../..");
const image = readImage();
/** Of a user who owns nothing here. Only root can become one; others run it as themselves. */
const nobody = process.getuid?.() === 0 ? { uid: image.uid, gid: image.uid } : {};

/** What the image does, without an engine: built by its own commands, run by its own as a user without rights. */
describe("what the image runs", () => {
  const folder = mkdtempSync(join(tmpdir(), "parley-image-"));
  const app = join(folder, "app");
  const data = join(folder, "data");
  // A copy, since the checkout may be where that user can't go.
  const node = join(folder, "node");
  let env: Record<string, string>;

  beforeAll(async () => {
    chmodSync(folder, 0o755);
    copyFileSync(process.execPath, node);
    for (const file of contextFiles().filter(isInImage)) {
      mkdirSync(dirname(join(app, file)), { recursive: true });
      cpSync(join(root, file), join(app, file));
    }
    // What the stage before made, as `npm ci` did in this checkout.
    cpSync(join(root, "gateway/web/built"), join(app, "gateway/web/built"), { recursive: true });
    // By the machine's own npm: the one of a checkout's node_modules isn't there.
    execFileSync("npm", image.install, { cwd: app, stdio: "pipe" });
    execFileSync("chmod", ["--recursive", "go=u-w,a-w", app]);
    mkdirSync(data, { mode: 0o700 });
    if (nobody.uid !== undefined) chownSync(data, nobody.uid, nobody.uid);
    const [http, grpc, operator] = await Promise.all([freePort(), freePort(), freePort()]);
    env = {
      ...image.env,
      PARLEY_HTTP_PORT: String(http),
      PARLEY_GRPC_PORT: String(grpc),
      PARLEY_OPERATOR_PORT: String(operator),
      PARLEY_HOST: "127.0.0.1",
      PARLEY_OPERATOR_HOST: "127.0.0.1",
      PARLEY_DATABASE_URL: image.env.PARLEY_DATABASE_URL!.replace("/data", data),
    };
  }, 300_000);
  afterAll(() => {
    execFileSync("chmod", ["--recursive", "u+w", app]);
    rmSync(folder, { recursive: true, force: true });
  });

  const inApp = (word: string) => word.replace(/^\/app\//, `${app}/`);
  const healthCheck = () =>
    spawnSync(
      node,
      image.healthCheck.map((word) => word.replaceAll("9090", env.PARLEY_OPERATOR_PORT!)),
      {
        env,
        ...nobody,
      },
    ).status;

  test("serves, writes to its data alone, and ends well", async () => {
    expect(healthCheck()).toBe(1);
    const child = spawn(node, [...image.entry, ...image.command].map(inApp), {
      cwd: app,
      env,
      ...nobody,
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => {
        output += chunk;
      });
    const exited = new Promise((resolve) => child.once("exit", resolve));
    try {
      await expect.poll(healthCheck, { timeout: 60_000, message: output }).toBe(0);
      const ada = await createApi(`http://127.0.0.1:${env.PARLEY_HTTP_PORT}`).register();
      await send(ada, await roomOf(ada), "hello");
      // What is made of files of packages, or of sources that aren't there.
      for (const path of ["/", "/docs/", "/openapi.json"])
        expect((await fetch(`http://127.0.0.1:${env.PARLEY_HTTP_PORT}${path}`)).status, path).toBe(200);
    } finally {
      child.kill("SIGTERM");
    }
    expect(await exited, output).toBe(0);
    const changed = execFileSync("find", [
      app,
      "-newer",
      join(app, "node_modules/.package-lock.json"),
      "-type",
      "f",
    ]);
    expect(changed.toString()).toBe("");
  }, 120_000);

  test("holds no tests, no tools of development and nothing that others may write", () => {
    const find = (...words: string[]) => execFileSync("find", [app, ...words], { encoding: "utf8" }).trim();
    expect(
      find("-not", "-path", "*/node_modules/*", "(", "-name", "*.test.ts", "-o", "-name", "test-*", ")"),
    ).toBe("");
    expect(find("-path", "*/node_modules/typescript")).toBe("");
    expect(find("-perm", "/222", "-not", "-type", "l")).toBe("");
  });
});

/** The rest is for the stage that builds the page. */
function isInImage(file: string): boolean {
  return !/^(client|scripts|gateway\/web\/page)\//.test(file);
}

/** What .dockerignore lets into the context, of what is under version control or will be. */
function contextFiles(): string[] {
  const ignore = readFileSync(join(root, ".dockerignore"), "utf8").split("\n");
  const included = ignore.filter((line) => line.startsWith("!")).map((line) => line.slice(1));
  const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "--", ...included], {
    cwd: root,
  });
  const isTest = (file: string) => /(\.test\.ts|(^|\/)test-[^/]*)$/.test(file);
  return listed
    .toString()
    .split("\n")
    .filter((file) => file !== "" && !isTest(file));
}
