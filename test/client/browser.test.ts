import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createParley } from "../../client/index.ts";
import { hasChromium, launchChromium } from "../browser/chromium.ts";
import { type Stack, startOneProcess } from "../stack.ts";
import { type InstalledPackage, installPackage, root } from "./installed-package.ts";

/**
 * What only a browser has: what is kept there, and several tabs. With the client as it is published, and the component of
 * the examples on Preact in React's place.
 */
describe.skipIf(!hasChromium())("the client in a browser", { timeout: 120_000 }, () => {
  let stack: Stack;
  let installed: InstalledPackage;
  let browser: Browser;
  let script: string;

  beforeAll(async () => {
    stack = await startOneProcess();
    installed = installPackage();
    script = bundle(installed.folder);
    browser = await launchChromium();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    installed?.remove();
    await stack?.[Symbol.asyncDispose]();
  });

  test("shows a room and talks in it, offline too, and leaves what is unsent to another tab", async () => {
    const ada = createParley({ url: stack.url });
    await ada.register({ username: "ada", password: "correct horse", displayName: "Ada" });
    const bob = createParley({ url: stack.url });
    const { userId } = await bob.register({ username: "bob", password: "correct horse", displayName: "Bob" });
    const { room } = await ada.rooms.createRoom({ name: "Tea", memberIds: [userId] });
    const roomId = room!.roomId;
    ada.connect();
    ada.room(roomId).send("Hello, Bob");

    const context = await browser.newContext();
    await context.route("**/example**", (route) => {
      const body = `<!doctype html><div id="app"></div><script>${script.replaceAll("</", "<\\/")}</script>`;
      return route.fulfill({ contentType: "text/html", body });
    });
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    await page.goto(`${stack.url}/example?${roomId}`);
    await page.getByText("Ada Hello, Bob").waitFor();
    await page.getByLabel("Message").fill("Hello, Ada");
    await page.getByLabel("Message").press("Enter");
    await page.getByText("Bob Hello, Ada").waitFor();
    await expect.poll(() => texts()).toEqual(["Hello, Bob", "Hello, Ada"]);

    // Another tab is signed in too; both tell the same.
    const other = await context.newPage();
    await other.goto(`${stack.url}/example?${roomId}`);
    await other.getByText("Bob Hello, Ada").waitFor();

    await stack.kill();
    for (const text of ["one", "two", "three"]) {
      await page.getByLabel("Message").fill(text);
      await page.getByLabel("Message").press("Enter");
      await page.getByText(`${text} (pending)`).waitFor();
    }
    // The other tab is told of a message when it is in the storage: from then on it outlives its own tab.
    await other.getByText("three (pending)").waitFor();
    await page.close();
    await stack.start();
    await other.getByText("Bob three").waitFor();
    await expect.poll(() => texts()).toEqual(["Hello, Bob", "Hello, Ada", "one", "two", "three"]);
    await ada.close();

    async function texts(): Promise<string[]> {
      return (await ada.messages.listMessages({ roomId })).messages.map(({ text }) => text);
    }
  });
});

/** The component and what stands around it in an application, as one script. */
function bundle(folder: string): string {
  mkdirSync(join(folder, "app"));
  cpSync(join(root, "docs/examples/chat-room.jsx"), join(folder, "app/chat-room.jsx"));
  symlinkSync(join(root, "node_modules/preact"), join(folder, "node_modules/preact"));
  const react = join(folder, "node_modules/react");
  mkdirSync(react);
  const exportsOf = { ".": "./index.js", "./jsx-runtime": "./jsx-runtime.js" };
  writeFileSync(join(react, "package.json"), JSON.stringify({ type: "module", exports: exportsOf }));
  writeFileSync(join(react, "index.js"), 'export * from "preact/compat";');
  writeFileSync(join(react, "jsx-runtime.js"), 'export * from "preact/jsx-runtime";');
  writeFileSync(
    join(folder, "app/main.jsx"),
    `import { render } from "preact/compat";
     import { createParley } from "parley-client";
     import { ChatRoom } from "./chat-room.jsx";
     const parley = createParley();
     parley.session.subscribe(() => {
       if (parley.session.get().status === "signedOut") parley.login({ username: "bob", password: "correct horse" });
     });
     parley.connect();
     render(<ChatRoom parley={parley} roomId={location.search.slice(1)} />, document.getElementById("app"));`,
  );
  const out = join(folder, "app/out.js");
  const options = ["--format", "iife", "--platform", "browser", "-o", out];
  execFileSync(join(root, "node_modules/.bin/rolldown"), [join(folder, "app/main.jsx"), ...options], {
    cwd: folder,
    stdio: "pipe",
  });
  return readFileSync(out, "utf8");
}
