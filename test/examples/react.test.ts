import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasChromium, launchChromium } from "../browser/chromium.ts";
import { createApi, ok } from "../conformance/api.ts";
import { type Stack, startOneProcess } from "../stack.ts";
import { startReactPage } from "./react-page.ts";

/** The component of docs/clients.md in Chromium, on a page of another origin than the server's. */
describe.runIf(hasChromium())("a room in a React component", () => {
  let page: Awaited<ReturnType<typeof startReactPage>>;
  let stack: Stack;
  let browser: Browser;

  beforeAll(async () => {
    page = await startReactPage();
    stack = await startOneProcess({ env: { PARLEY_ALLOWED_ORIGINS: page.origin } });
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await stack?.[Symbol.asyncDispose]();
    await page?.[Symbol.asyncDispose]();
  });

  test("shows what is said, and says something", async () => {
    const api = createApi(stack.url);
    const register = (username: string) =>
      ok(api.call("POST", "/v1/auth/register", { body: { username, password: "correct horse" } }));
    const [ada, bob] = [await register("ada"), await register("bob")];
    const as = (who: typeof ada, method: "GET" | "POST", path: string, body?: object) =>
      ok(api.call(method, path, { token: who.tokens.accessToken, ...(body && { body }) }));
    const { room } = await as(bob, "POST", "/v1/rooms", { name: "Tea", memberIds: [ada.user.userId] });
    const messages = `/v1/rooms/${room.roomId}/messages`;
    await as(bob, "POST", messages, { clientId: "1", text: "Before you came" });

    const tab = await browser.newPage();
    const faults: Error[] = [];
    tab.on("pageerror", (error) => faults.push(error));
    const shown = { url: stack.url, roomId: room.roomId, tokens: ada.tokens };
    await tab.goto(`${page.origin}/#${encodeURIComponent(JSON.stringify(shown))}`);
    await tab.getByText("Before you came").waitFor();
    await tab.getByText("bob").first().waitFor();

    await as(bob, "POST", messages, { clientId: "2", text: "While you are here" });
    await tab.getByText("While you are here").waitFor();
    await tab.getByLabel("Message").fill("Hello from React");
    await tab.getByLabel("Message").press("Enter");
    const texts = async () =>
      (await as(bob, "GET", messages)).messages.map(({ text }: { text: string }) => text);
    await expect.poll(texts).toEqual(["Before you came", "While you are here", "Hello from React"]);
    await expect.poll(() => tab.getByText("Hello from React").count()).toBe(1);
    expect(faults).toEqual([]);
  });
});
