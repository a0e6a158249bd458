import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type InstalledPackage, installPackage, manifest, root } from "./installed-package.ts";

/** The package as npm would publish it, taken apart, installed and used. */

/** With everything that it needs, minified and gzipped. */
const mostBytes = 43_500;
const bin = (name: string) => join(root, "node_modules/.bin", name);
let installed: InstalledPackage;

beforeAll(() => {
  installed = installPackage();
}, 120_000);
afterAll(() => installed.remove());

const files = () =>
  readdirSync(installed.path, { recursive: true, encoding: "utf8" }).filter(
    (file) => !file.includes("node_modules"),
  );

describe("the package", () => {
  test("asks for the versions that the server is built with", () => {
    const own = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    for (const [name, version] of Object.entries(manifest.dependencies))
      expect({ ...own.dependencies, ...own.devDependencies }[name]).toBe(version);
  });

  test("holds what is published and nothing else", () => {
    expect(files()).toContain("dist/index.d.ts");
    expect(files()).toContain("gen/parley/realtime/v1/frames_pb.js");
    expect(files().filter((file) => /\.test\.|(?<!\.d)\.ts$/.test(file))).toEqual([]);
  });

  test("imports nothing but itself and its dependencies, and nothing of Node", () => {
    for (const file of files().filter((name) => name.endsWith(".js"))) {
      const text = readFileSync(join(installed.path, file), "utf8");
      for (const [, from = ""] of text.matchAll(/(?:from|import)\s*\(?"([^"]+)"/g)) {
        if (/^(\.|#gen\/)/.test(from)) continue;
        expect(isBuiltin(from), `${file} imports ${from}`).toBe(false);
        const isKnown = Object.keys(manifest.dependencies).some((name) => `${from}/`.startsWith(`${name}/`));
        expect(isKnown, `${file} imports ${from}`).toBe(true);
      }
    }
  });

  test("runs in Node", () => {
    const program = `
      import { createParley, Role } from "parley-client";
      const parley = createParley({ url: "http://127.0.0.1:9" });
      parley.session.subscribe(() => console.log(parley.session.get().status, Role.OWNER));
    `;
    const args = ["--input-type=module", "--eval", program];
    expect(execFileSync("node", args, { cwd: installed.folder, encoding: "utf8" })).toBe("signedOut 4\n");
  });

  test("has types that a browser's program compiles against", () => {
    writeFileSync(
      join(installed.folder, "program.ts"),
      `import { createParley, type MessageItem, ParleyError } from "parley-client";
       const parley = createParley({ url: "https://chat.example.com" });
       const room = parley.room("1");
       const first: MessageItem | undefined = room.state.get().messages.find((item) => item.kind === "message");
       room.send("hello", { replyToSeq: first?.seq ?? 1n });
       parley.on("event", ({ body }) => body.case === "messagePosted" && body.value.text.length);
       export const reasonOf = (error: unknown) => error instanceof ParleyError && error.reason;
       // @ts-expect-error: it is a bigint
       room.edit(1, "text");`,
    );
    const options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2023"];
    const libraries = ["--lib", "es2023,dom,esnext.disposable", "--types", ""];
    try {
      execFileSync(bin("tsc"), [...options, ...libraries, "program.ts"], {
        cwd: installed.folder,
        encoding: "utf8",
      });
    } catch (error) {
      expect.fail(String((error as { stdout?: unknown }).stdout));
    }
  });

  test(`is at most ${mostBytes} bytes, gzipped with all that it needs`, () => {
    const program = join(installed.folder, "all.js");
    writeFileSync(program, 'export * from "parley-client";');
    const options = [
      "--minify",
      "--format",
      "esm",
      "--platform",
      "browser",
      "-o",
      join(installed.folder, "bundle.js"),
    ];
    execFileSync(bin("rolldown"), [program, ...options], { cwd: installed.folder, stdio: "pipe" });
    const size = gzipSync(readFileSync(join(installed.folder, "bundle.js")), { level: 9 }).length;
    console.info(`the client and all that it needs: ${size} bytes, minified and gzipped`);
    expect(size).toBeLessThanOrEqual(mostBytes);
  });
});
