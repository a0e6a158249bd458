import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { type Person as Account, createApi, roomOf } from "../conformance/api.ts";
import { type Stack, startOneProcess } from "../stack.ts";
import { hasChromium, launchChromium } from "./chromium.ts";
import { openBrowser, type Person, signIn } from "./person.ts";

const total = 100_000;
/** Of each connection: the server stops reading one at 1,000 unanswered frames. */
const inFlight = 500;
const connections = 4;
/** More than the window of a room holds. */
const more = 600;

describe.skipIf(!hasChromium())("a room of 100,000 messages", { timeout: 240_000 }, () => {
  let stack: Stack;
  let browser: Browser;
  let ada: Person;
  let account: Account;
  let roomId: string;

  beforeAll(async () => {
    // To be filled as fast as it goes, whatever else the machine does.
    stack = await startOneProcess({ env: { PARLEY_OVERLOAD_TARGET: "10s" } });
    account = await createApi(stack.url).register();
    roomId = await roomOf(account);
    const parts = Array.from({ length: connections }, (_, i) => send(i, total / connections));
    [browser] = await Promise.all([launchChromium(), ...parts]);
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

  test("one scrolls back smoothly, and the document stays small", async () => {
    const { page } = ada;
    const before = await lowestSeq(page);
    const frames = await scrollUp(page);
    const after = await lowestSeq(page);
    expect(before - after).toBeGreaterThan(1000);
    const { rows, elements } = await page.evaluate(() => ({
      rows: document.querySelectorAll(".timeline-row").length,
      elements: document.querySelectorAll("*").length,
    }));
    expect(rows).toBeLessThan(80);
    expect(elements).toBeLessThan(4000);
    // What this machine draws at best, beside which the page's frames are to be seen.
    const list = await bareList(page);
    const bare = await scrollUp(list);
    await list.close();
    console.log(
      `scrolled back over ${before - after} messages: ${rows} rows, ${elements} elements, ${framesOf(frames)}; ` +
        `a bare list of plain lines: ${framesOf(bare)}`,
    );
  });

  test("what one reads stays where it is while older ones come before it", async () => {
    const { page } = ada;
    await settled(page);
    // At the edge of what is loaded, and still.
    const moved = await page.evaluate(async () => {
      const scroll = document.querySelector(".timeline-scroll")!;
      const frame = () => new Promise(requestAnimationFrame);
      let worst = 0;
      for (let turn = 0; turn < 40; turn++) {
        scroll.scrollTop -= 150;
        await frame();
        const top = scroll.getBoundingClientRect().top;
        const inSight = [...scroll.querySelectorAll<HTMLElement>(".message")].find(
          (each) => each.getBoundingClientRect().top > top + 100,
        )!;
        const { seq } = inSight.dataset;
        const at = inSight.getBoundingClientRect().top;
        for (let i = 0; i < 6; i++) {
          await frame();
          const same = scroll.querySelector(`[data-seq="${seq}"]`);
          if (same) worst = Math.max(worst, Math.abs(same.getBoundingClientRect().top - at));
        }
      }
      return worst;
    });
    expect(moved).toBeLessThan(4);
  });

  test("one press leads back to the newest", async () => {
    await toNewest();
    await expect.poll(() => highestSeq(ada.page)).toBe(total + 1);
  });

  test("what one reads a little above them stays there, however much comes new", async () => {
    const { page } = ada;
    await stillStanding(page);
    await page.evaluate(() => document.querySelector(".timeline-scroll")!.scrollBy(0, -3000));
    await settled(page);
    await stillStanding(page);
    const before = await firstInSight(page);
    await send(connections, more);
    await page
      .getByRole("navigation")
      .getByText(`Message ${connections}-${more - 1}`)
      .waitFor();
    await stillStanding(page);
    expect(await firstInSight(page, before?.seq)).toEqual(before);
    await toNewest();
    await expect.poll(() => highestSeq(page)).toBe(total + more + 1);
  });

  const toNewest = () => ada.page.getByRole("button", { name: /Newest messages|new message/ }).click();

  /** Numbered messages over one connection, with many under way. */
  function send(part: number, count: number): Promise<void> {
    const socket = new WebSocket(stack.url.replace("http", "ws").concat("/v1/realtime"), "parley.v1.json");
    return new Promise((resolve, reject) => {
      let sent = 0;
      let acked = 0;
      const next = () => {
        for (; sent < count && sent - acked < inFlight; sent++) {
          const text = `Message ${part}-${sent}${sent % 9 === 0 ? `, with more to say: ${"word ".repeat(sent % 70)}` : ""}`;
          const clientId = `${part}-${sent}`;
          socket.send(JSON.stringify({ ref: "s", send: { roomId, clientId, text } }));
        }
      };
      socket.on("open", () => socket.send(JSON.stringify({ hello: { accessToken: account.accessToken } })));
      socket.on("message", (data) => {
        const text = String(data);
        if (text.includes('"ready"')) next();
        else if (text.includes('"error"')) reject(new Error(text));
        else if (text.includes('"ack"') && ++acked === count) {
          socket.close();
          resolve();
        } else if (acked % 100 === 0) next();
      });
      socket.on("error", reject);
    });
  }
});

/** The message of this seq, or the first one in sight, and where on the screen it begins. */
function firstInSight(page: Page, seq?: string): Promise<{ seq: string; top: number } | undefined> {
  return page.evaluate((wanted) => {
    const scroll = document.querySelector(".timeline-scroll")!;
    const edge = scroll.getBoundingClientRect().top;
    const found = [...scroll.querySelectorAll<HTMLElement>(".message")].find((each) =>
      wanted === undefined ? each.getBoundingClientRect().top > edge : each.dataset.seq === wanted,
    );
    return found && { seq: found.dataset.seq!, top: Math.round(found.getBoundingClientRect().top) };
  }, seq);
}

const seqs = (page: Page) =>
  page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>("[data-seq]")].map((each) => Number(each.dataset.seq)),
  );
const lowestSeq = async (page: Page) => Math.min(...(await seqs(page)));
const highestSeq = async (page: Page) => Math.max(...(await seqs(page)));

/** Until nothing is being loaded. */
async function settled(page: Page): Promise<void> {
  await expect.poll(() => page.locator(".timeline-rows").getAttribute("aria-busy")).toBe("false");
}

/** Until it has not moved for some frames. */
function stillStanding(page: Page): Promise<void> {
  return page.evaluate(async () => {
    const scroll = document.querySelector(".timeline-scroll")!;
    let last = "";
    for (let same = 0; same < 20; same++) {
      await new Promise(requestAnimationFrame);
      const now = `${scroll.scrollTop} ${scroll.scrollHeight}`;
      if (now !== last) same = 0;
      last = now;
    }
  });
}

interface Frames {
  readonly median: number;
  readonly most: number;
  readonly longest: number;
}

const framesOf = ({ median, most, longest }: Frames) =>
  `frames of ${median.toFixed(1)} ms (median), ${most.toFixed(1)} ms (95 of 100), ${longest.toFixed(0)} ms (longest)`;

/** As a wheel that is turned steadily and fast does: 6,000 px a second at 60 frames a second. */
function scrollUp(page: Page): Promise<Frames> {
  return page.evaluate(async () => {
    const scroll = document.querySelector(".timeline-scroll")!;
    const frames: number[] = [];
    let last = performance.now();
    for (let i = 0; i < 720; i++) {
      scroll.scrollTop -= 100;
      const now: number = await new Promise(requestAnimationFrame);
      frames.push(now - last);
      last = now;
    }
    frames.sort((a, b) => a - b);
    const at = (share: number) => frames[Math.floor(frames.length * share)]!;
    return { median: at(0.5), most: at(0.95), longest: frames.at(-1)! };
  });
}

/** In a page of its own: lines that are all there, without any script, scrolled to the end. */
async function bareList(beside: Page): Promise<Page> {
  const page = await beside.context().newPage();
  const lines = Array.from({ length: 3000 }, (_, i) => `<p>Message ${i}</p>`).join("");
  await page.setContent(`<div class="timeline-scroll" style="height: 90vh; overflow: auto">${lines}</div>`);
  await page.evaluate(() => document.querySelector(".timeline-scroll")!.scrollTo(0, 1e9));
  return page;
}
