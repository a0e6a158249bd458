import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Person as Account, createApi, ok, send } from "../conformance/api.ts";
import { type Stack, startOneProcess } from "../stack.ts";
import { hasChromium, launchChromium } from "./chromium.ts";
import { message, openBrowser, type Person } from "./person.ts";

/** More presses of Tab than any view has stops. */
const mostStops = 60;

describe.skipIf(!hasChromium())("the page by keyboard alone", { timeout: 180_000 }, () => {
  let stack: Stack;
  let browser: Browser;
  let ada: Person;
  let bob: Account;

  beforeAll(async () => {
    stack = await startOneProcess();
    browser = await launchChromium();
    ada = await openBrowser(browser, "Ada");
    bob = await createApi(stack.url).register({ username: "bob.hope", displayName: "Bob Hope" });
    await ada.page.goto(stack.url);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await stack?.[Symbol.asyncDispose]();
  });

  const press = (...keys: string[]) =>
    keys.reduce((before, key) => before.then(() => ada.page.keyboard.press(key)), Promise.resolve());
  const type = (text: string) => ada.page.keyboard.type(text);
  /** What a screen reader would say of what has the focus, more or less. */
  const focused = () =>
    ada.page.evaluate(() => {
      const active = document.activeElement;
      if (active === document.body) return "";
      const label =
        active?.getAttribute("aria-label") ?? (active as HTMLInputElement | null)?.labels?.[0]?.textContent;
      return (label ?? active?.textContent ?? "").trim();
    });
  async function tabTo(name: string) {
    for (let i = 0; i < mostStops; i++) {
      await press("Tab");
      if ((await focused()).includes(name)) return;
    }
    throw new Error(`Tab leads to no ${name}`);
  }
  const isInComposer = () => ada.page.evaluate(() => document.activeElement?.matches(".composer-field"));
  const focusedMessage = () =>
    ada.page.evaluate(() => {
      const text = document.activeElement
        ?.closest("article")
        ?.querySelector(".message-text, .message-deleted");
      return text?.textContent;
    });

  test("sign up", async () => {
    await ada.page.getByLabel("Username").waitFor();
    await tabTo("Create an account");
    await press("Enter");
    await tabTo("Username");
    await type("ada");
    await tabTo("Your name");
    await type("Ada Lovelace");
    await tabTo("Password");
    await type("correct horse");
    await press("Enter");
    await ada.page.getByText("You are in no room yet.").waitFor();
  });

  test("make a room with somebody, and write", async () => {
    await tabTo("New room");
    await press("Enter");
    await expect.poll(focused).toBe("Name");
    await type("Garden");
    await tabTo("People");
    await type("bob");
    await ada.page.getByRole("button", { name: "Add Bob Hope" }).waitFor();
    await press("Enter");
    await ada.page.getByRole("button", { name: "Remove Bob Hope" }).waitFor();
    await tabTo("Create room");
    await press("Enter");
    await expect.poll(isInComposer).toBe(true);
    await type("Hello");
    await press("Shift+Enter");
    await type("and welcome");
    await press("Enter");
    await message(ada, "Hello\nand welcome").waitFor();
    expect(await isInComposer()).toBe(true);
  });

  test("go to messages, reply and react", async () => {
    const { rooms } = await ok(bob.get("/v1/rooms"));
    await send(bob, rooms[0].roomId, "Thank you!");
    await send(bob, rooms[0].roomId, "What grows here?");
    await message(ada, "What grows here?").waitFor();
    await press("Shift+Tab");
    await expect.poll(focusedMessage).toBe("What grows here?");
    await press("ArrowUp");
    await expect.poll(focusedMessage).toBe("Thank you!");
    await press("ArrowUp", "ArrowDown");
    await expect.poll(focusedMessage).toBe("Thank you!");
    await press("End");
    await expect.poll(focusedMessage).toBe("What grows here?");
    await press("r");
    await expect.poll(isInComposer).toBe(true);
    await type("Mostly tea");
    await press("Enter");
    await message(ada, "Mostly tea").locator(".reply-line", { hasText: "What grows here?" }).waitFor();

    await press("Shift+Tab", "ArrowUp");
    await expect.poll(focusedMessage).toBe("What grows here?");
    await press("a");
    await expect.poll(focused).toBe("Find an emoji");
    await type("rocket");
    await press("Enter");
    await message(ada, "What grows here?")
      .getByRole("button", { name: "rocket launch, 1, yours among them" })
      .waitFor();
    await expect.poll(focusedMessage).toBe("What grows here?");
    await press("Escape");
    await expect.poll(isInComposer).toBe(true);
  });

  test("edit and delete", async () => {
    await press("ArrowUp");
    await expect.poll(() => ada.page.getByLabel("Edit message").inputValue()).toBe("Mostly tea");
    await press("End");
    await type(" and roses");
    await press("Enter");
    await message(ada, "Mostly tea and roses").getByText("edited").waitFor();
    expect(await isInComposer()).toBe(true);

    await press("Shift+Tab", "Delete");
    await expect.poll(focused).toBe("Delete");
    await press("Enter");
    await ada.page.getByText("This message was deleted.").waitFor();
    await expect.poll(focusedMessage).toBe("This message was deleted.");
  });

  test("a dialogue holds the focus, and gives it back", async () => {
    await press("?");
    await ada.page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
    for (let i = 0; i < 5; i++) {
      await press("Tab");
      // The browser's own buttons may have it in between.
      expect(await ada.page.evaluate(() => document.activeElement?.closest("dialog, body")?.tagName)).toMatch(
        /DIALOG|BODY/,
      );
      expect(await focusedMessage()).toBeUndefined();
    }
    await press("Escape");
    await expect.poll(focusedMessage).toBe("This message was deleted.");
  });

  test("find a person, and go from room to room", async () => {
    await press("Control+k");
    await expect.poll(focused).toBe("Find a room or a person");
    await type("bob");
    await ada.page.getByRole("button", { name: "Write to Bob Hope" }).waitFor();
    await tabTo("Write to");
    await press("Enter");
    await ada.page.getByRole("heading", { level: 1, name: "Bob Hope" }).waitFor();
    await expect.poll(isInComposer).toBe(true);
    await type("Just us");
    await press("Enter");
    await message(ada, "Just us").waitFor();
    await press("Alt+ArrowDown");
    await ada.page.getByRole("heading", { level: 1, name: "Garden" }).waitFor();
    await press("Alt+ArrowUp");
    await ada.page.getByRole("heading", { level: 1, name: "Bob Hope" }).waitFor();
  });

  test("the browser complained of nothing", () => {
    expect(ada.complaints).toEqual([]);
  });
});
