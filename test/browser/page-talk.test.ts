import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Stack, startOneProcess } from "../stack.ts";
import { hasChromium, launchChromium } from "./chromium.ts";
import {
  act,
  composer,
  createLink,
  createRoom,
  message,
  openBrowser,
  type Person,
  readTimeline,
  signIn,
  signUp,
  write,
} from "./person.ts";

/** How many messages each types while the server is killed. */
const typed = 30;

describe.skipIf(!hasChromium())("two people on the page", { timeout: 240_000 }, () => {
  let stack: Stack;
  let browser: Browser;
  let ada: Person;
  let bob: Person;

  beforeAll(async () => {
    stack = await startOneProcess();
    browser = await launchChromium();
    [ada, bob] = await Promise.all([openBrowser(browser, "Ada Lovelace"), openBrowser(browser, "Bob Hope")]);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await stack?.[Symbol.asyncDispose]();
  });

  test("sign up, and one invites the other by a link", async () => {
    await ada.page.goto(stack.url);
    await signUp(ada);
    await createRoom(ada, "Tea");
    const link = await createLink(ada);
    expect(link).toMatch(`${stack.url}/#/join/`);

    await bob.page.goto(link);
    await bob.page.getByText("You are invited").waitFor();
    await signUp(bob);
    await bob.page.getByRole("heading", { level: 1, name: "Tea" }).waitFor();
    await ada.page.getByText("Bob Hope joined").waitFor();
  });

  test("talk, edit, reply, react, delete", async () => {
    await write(ada, "Hello, Bob!");
    await message(bob, "Hello, Bob!").waitFor();
    await bob.page.locator("[data-announcer]", { hasText: "Ada Lovelace: Hello, Bob!" }).waitFor();

    await composer(bob).pressSequentially("He");
    await ada.page.getByText("Bob Hope is typing").waitFor();
    await composer(bob).fill("");

    await act(bob, "Hello, Bob!", "Reply");
    await write(bob, "Good afternon");
    await message(ada, "Good afternon").locator(".reply-line", { hasText: "Hello, Bob!" }).waitFor();

    await composer(bob).press("ArrowUp");
    await expect.poll(() => composer(bob).inputValue()).toBe("Good afternon");
    await write(bob, "Good afternoon, Ada");
    await message(ada, "Good afternoon, Ada").getByText("edited").waitFor();

    await act(ada, "Good afternoon, Ada", "React with 👍");
    const reaction = message(bob, "Good afternoon, Ada").getByRole("button", { name: /thumbs up, 1/ });
    await reaction.click();
    await message(ada, "Good afternoon, Ada")
      .getByRole("button", { name: "thumbs up, 2, yours among them" })
      .waitFor();

    await act(ada, "Hello, Bob!", "Delete");
    await ada.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await bob.page.getByText("This message was deleted.").waitFor();
    expect(await message(bob, "Hello, Bob!").count()).toBe(0);
  });

  test("links are links, and nothing that is written is HTML", async () => {
    const text = 'See https://example.com/a?b=1. <img src=x onerror="document.title=1"> javascript:alert(1)';
    await write(ada, text);
    const shown = bob.page.locator(".message-text").filter({ hasText: "example.com" });
    expect(await shown.textContent()).toBe(text);
    const link = shown.locator("a");
    expect(await link.count()).toBe(1);
    expect(await link.getAttribute("href")).toBe("https://example.com/a?b=1");
    expect(await link.getAttribute("rel")).toContain("noopener");
  });

  test("what is unread is counted, marked, and read when it is seen", async () => {
    await bob.page.goto(`${stack.url}/#/`);
    await write(ada, "Are you there?");
    await write(ada, "Bob?");
    const row = bob.page.getByRole("link", { name: /Tea/ });
    await row.getByText("2 unread messages").waitFor();
    await row.getByText("Ada Lovelace: Bob?").waitFor();
    await row.click();
    await bob.page.locator(".unread-mark").waitFor();
    await expect.poll(() => row.getByText("unread message").count()).toBe(0);
  });

  test("the server is killed while both type, and nothing is lost or doubled on either screen", async () => {
    const type = async (person: Person) => {
      for (let i = 1; i <= typed; i++) await write(person, `${person.name} ${i} of ${typed}`);
    };
    const killed = (async () => {
      await message(bob, `Ada Lovelace 5 of ${typed}`).waitFor();
      await stack.kill();
      await stack.start();
    })();
    await Promise.all([type(ada), type(bob), killed]);
    for (const person of [ada, bob])
      await expect.poll(() => person.page.locator(".is-outgoing").count(), { timeout: 60_000 }).toBe(0);
    // The last of who was quicker may be far above the end by now, and not in the document.
    const isOfBoth = (text: string) => text.endsWith(` of ${typed}`);
    for (const screen of [ada, bob]) {
      const shown = async () => (await readTimeline(screen)).filter(isOfBoth).length;
      await expect.poll(shown, { timeout: 60_000 }).toBeGreaterThanOrEqual(2 * typed);
    }

    const [onAdas, onBobs] = [await readTimeline(ada), await readTimeline(bob)];
    expect(onAdas).toEqual(onBobs);
    for (const { name } of [ada, bob]) {
      const written = onAdas.filter((text) => text.startsWith(name));
      expect(written).toEqual(Array.from({ length: typed }, (_, i) => `${name} ${i + 1} of ${typed}`));
    }
  });

  test("offline, one goes on writing, and it is sent later, also over a reload", async () => {
    await bob.context.setOffline(true);
    await bob.page.getByText("Offline. Your messages will be sent when you are back.").waitFor();
    await write(bob, "From the tunnel");
    await message(bob, "From the tunnel").getByText("Sending…").waitFor();
    await write(ada, "While you were away");

    await bob.context.setOffline(false);
    await message(ada, "From the tunnel").waitFor();
    await message(bob, "While you were away").waitFor();
    await expect.poll(() => bob.page.locator(".is-outgoing").count()).toBe(0);
    await expect.poll(() => bob.page.getByText("Offline.").count()).toBe(0);

    // The page itself can't be loaded without its server; what was unsent outlives it.
    await stack.terminate();
    await write(bob, "Before the reload");
    await message(bob, "Before the reload").getByText("Sending…").waitFor();
    // What is said aloud stays the same while the seconds to the next try are counted beside it.
    const said = /^Not connected\. Your messages will be sent once you are\.$/;
    await bob.page.locator(".banner").getByRole("status").filter({ hasText: said }).waitFor();
    await stack.start();
    await bob.page.reload();
    await message(ada, "Before the reload").waitFor();
    await expect.poll(() => message(bob, "Before the reload").count()).toBe(1);
    expect(await message(ada, "Before the reload").count()).toBe(1);
  });

  test("signing out everywhere ends the other browser's session", async () => {
    const other = await openBrowser(browser, "Bob Hope");
    await other.page.goto(stack.url);
    const { page } = other;
    await signIn(other);
    await page.getByRole("button", { name: "Your account" }).click();
    await page.getByRole("menuitem", { name: "Account and sessions" }).click();
    await page.getByText("This device").waitFor();
    await page.getByRole("button", { name: "Sign out everywhere" }).click();
    await page.getByText("Sign in to talk").waitFor();
    await bob.page.getByText("Sign in to talk").waitFor();
    await other.context.close();
  });

  test("the browser complained of nothing", () => {
    expect([...ada.complaints, ...bob.complaints]).toEqual([]);
  });
});
