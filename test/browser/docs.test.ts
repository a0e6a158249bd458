import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createApi } from "../conformance/api.ts";
import { type Stack, startOneProcess } from "../stack.ts";
import { hasChromium, launchChromium } from "./chromium.ts";

/**
 * What axe finds in Swagger UI's own markup, which we can't change: links inside of the button that opens an operation,
 * its colours, its selects without labels, its scrolling blocks and the close button of its dialogue.
 */
const ofSwaggerUi = ["nested-interactive", "color-contrast", "select-name", "scrollable-region-focusable"];

interface Finding {
  id: string;
  impact: string | null;
}

describe.skipIf(!hasChromium())("/docs in a browser", { timeout: 120_000 }, () => {
  let stack: Stack;
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];
  const hosts = new Set<string>();

  beforeAll(async () => {
    stack = await startOneProcess();
    browser = await launchChromium();
    page = await browser.newPage();
    page.setDefaultTimeout(60_000);
    // Refusals by the Content-Security-Policy are errors on the console too.
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("request", (request) => hosts.add(new URL(request.url()).host));
    await page.goto(`${stack.url}/docs`);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await stack?.[Symbol.asyncDispose]();
  });

  test("shows every operation", async () => {
    const { paths } = (await (await fetch(`${stack.url}/openapi.json`)).json()) as { paths: object };
    const operations = Object.values(paths).flatMap((path: object) => Object.keys(path));
    await page.locator(".opblock").first().waitFor();
    expect(await page.locator(".opblock").count()).toBe(operations.length);
  });

  test("tries a call with a token", async () => {
    const ada = await createApi(stack.url).register();
    await page.click("button.authorize");
    await page.locator(".auth-container input").first().fill(ada.accessToken);
    await page.locator(".auth-btn-wrapper .authorize").first().click();
    await page.click(".auth-btn-wrapper .btn-done");

    await page.click("#operations-UserService-getMe .opblock-summary-control");
    await page.click("#operations-UserService-getMe .execute");
    const answer = page.locator("#operations-UserService-getMe .live-responses-table .response");
    expect(await answer.locator(".response-col_status").textContent()).toContain("200");
    expect(await answer.textContent()).toContain(ada.userId);
  });

  test("the browser keeps nothing of the token", async () => {
    const kept = await page.evaluate("[{ ...localStorage }, { ...sessionStorage }, document.cookie]");
    expect(kept).toEqual([{}, {}, ""]);
  });

  test("axe finds nothing serious but in Swagger UI's own markup", async () => {
    // Evaluated and not added as a script, which the page's policy refuses.
    await page.evaluate(readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8"));
    const violations: Finding[] = await page.evaluate(
      async () => (await (globalThis as unknown as { axe: Axe }).axe.run()).violations,
    );
    const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    expect(serious.map(({ id }) => id).filter((id) => !ofSwaggerUi.includes(id))).toEqual([]);
  });

  test("nothing was refused by its policy, nothing went wrong, nobody else was asked", () => {
    expect(complaints).toEqual([]);
    expect([...hosts]).toEqual([new URL(stack.url).host]);
  });
});

interface Axe {
  run(): Promise<{ violations: Finding[] }>;
}
