import { writeFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { type Person as Account, createApi, roomOf } from "../conformance/api.ts";
import { type Stack, startOneProcess } from "../stack.ts";
import { launchChromium } from "./chromium.ts";
import { openBrowser, type Person, signIn } from "./person.ts";

const total = 4_000;
describe("fps", { timeout: 240_000 }, () => {
  let stack: Stack;
  let browser: Browser;
  let ada: Person;
  beforeAll(async () => {
    stack = await startOneProcess({ env: { PARLEY_OVERLOAD_TARGET: "10s" } });
    const account = await createApi(stack.url).register();
    [browser] = await Promise.all([launchChromium(), fill(account)]);
    ada = await openBrowser(browser, "Ada");
    await ada.page.goto(stack.url);
    await signIn(ada, account);
    await ada.page.getByRole("navigation").getByRole("link").click();
    await ada.page.locator(".message").first().waitFor();
  }, 240_000);
  afterAll(async () => {
    await browser?.close();
    await stack?.[Symbol.asyncDispose]();
  });
  async function fill(account: Account) {
    const roomId = await roomOf(account);
    const socket = new WebSocket(stack.url.replace("http", "ws").concat("/v1/realtime"), "parley.v1.json");
    await new Promise<void>((resolve) => {
      let acked = 0;
      socket.on("open", () => socket.send(JSON.stringify({ hello: { accessToken: account.accessToken } })));
      const one = (i: number) =>
        socket.send(
          JSON.stringify({
            ref: "s",
            send: {
              roomId,
              clientId: `c${i}`,
              text: `Message ${i}${i % 9 === 0 ? `, with more to say: ${"word ".repeat(i % 70)}` : ""}`,
            },
          }),
        );
      socket.on("message", (data) => {
        const text = String(data);
        if (text.includes('"ready"')) for (let i = 0; i < 200; i++) one(i);
        else if (text.includes('"ack"')) {
          acked++;
          if (acked + 199 < total) one(acked + 199);
          if (acked === total) {
            socket.close();
            resolve();
          }
        }
      });
    });
  }
  for (const byPx of [40, 100, 400])
    test(`frames at ${byPx}`, async () => {
      const { page } = ada;
      const cdp = await page.context().newCDPSession(page);
      await cdp.send("Performance.enable");
      if (byPx === 100) {
        await cdp.send("Profiler.enable");
        await cdp.send("Profiler.setSamplingInterval", { interval: 200 });
        await cdp.send("Profiler.start");
      }
      const metrics = async () =>
        Object.fromEntries(
          (await cdp.send("Performance.getMetrics")).metrics.map(({ name, value }) => [name, value]),
        );
      if (byPx === 40)
        await browser.startTracing(page, {
          categories: ["devtools.timeline", "disabled-by-default-devtools.timeline", "cc", "toplevel"],
        });
      const before = await metrics();
      const frames = await scrollUp(page, { steps: 300, byPx });
      const after = await metrics();
      if (byPx === 40) writeFileSync("/tmp/fps/trace.json", await browser.stopTracing());
      if (byPx === 100) {
        const { profile } = await cdp.send("Profiler.stop");
        writeFileSync("/tmp/fps/scroll.cpuprofile", JSON.stringify(profile));
      }
      const per = (name: string) => (((after[name]! - before[name]!) * 1000) / frames.count).toFixed(2);
      console.log(
        byPx,
        JSON.stringify(frames),
        "task",
        per("TaskDuration"),
        "script",
        per("ScriptDuration"),
        "layout",
        per("LayoutDuration"),
        "style",
        per("RecalcStyleDuration"),
        "layouts/frame",
        ((after.LayoutCount! - before.LayoutCount!) / frames.count).toFixed(2),
      );
      expect(frames.count).toBe(300);
    });
  test("bare", async () => {
    const context = await browser.newContext({ viewport: ada.page.viewportSize() });
    const page = await context.newPage();
    await page.setContent(
      `<div class="timeline-scroll" style="height:600px;overflow:auto">${Array.from({ length: 3000 }, (_, i) => `<p style="margin:0;padding:8px">Message ${i} with some text</p>`).join("")}</div>`,
    );
    await page.evaluate(() => {
      document.querySelector(".timeline-scroll")!.scrollTop = 1e9;
    });
    const idle = await page.evaluate(async () => {
      const f: number[] = [];
      let last = performance.now();
      for (let i = 0; i < 120; i++) {
        const now: number = await new Promise(requestAnimationFrame);
        f.push(now - last);
        last = now;
      }
      f.sort((a, b) => a - b);
      return { median: f[60], worst: f.at(-1) };
    });
    console.log("idle frames", JSON.stringify(idle));
    for (const byPx of [40, 100, 400]) {
      const frames = await scrollUp(page, { steps: 300, byPx });
      console.log("bare", byPx, JSON.stringify(frames));
    }
  });
});
function scrollUp(page: Page, { steps, byPx }: { steps: number; byPx: number }) {
  return page.evaluate(
    async ([times, px]) => {
      const scroll = document.querySelector(".timeline-scroll")!;
      const frames: number[] = [];
      let last = performance.now();
      for (let i = 0; i < times!; i++) {
        scroll.scrollTop -= px!;
        const now: number = await new Promise(requestAnimationFrame);
        frames.push(now - last);
        last = now;
      }
      frames.sort((a, b) => a - b);
      return {
        median: frames[frames.length >> 1]!,
        p95: frames[Math.floor(frames.length * 0.95)],
        worst: frames.at(-1)!,
        count: frames.length,
      };
    },
    [steps, byPx],
  );
}
