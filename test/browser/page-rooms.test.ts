import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Stack, startOneProcess } from "../stack.ts";
import { hasChromium, launchChromium } from "./chromium.ts";
import { composer, createRoom, openBrowser, type Person, signIn, signUp } from "./person.ts";

describe.skipIf(!hasChromium())("rooms and people on the page", { timeout: 180_000 }, () => {
  let stack: Stack;
  let browser: Browser;
  let ada: Person;
  let bob: Person;

  beforeAll(async () => {
    stack = await startOneProcess();
    browser = await launchChromium();
    [ada, bob] = await Promise.all([openBrowser(browser, "Ada Lovelace"), openBrowser(browser, "Bob Hope")]);
    await Promise.all([ada, bob].map(({ page }) => page.goto(stack.url)));
    await Promise.all([ada, bob].map(signUp));
    await createRoom(ada, "Garden");
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await stack?.[Symbol.asyncDispose]();
  });

  const roomMenu = async ({ page }: Person, item: string) => {
    await page.getByRole("button", { name: "More about this room" }).click();
    await page.getByRole("menuitem", { name: item }).click();
  };
  const title = ({ page }: Person, name: string) => page.getByRole("heading", { level: 1, name });

  async function inviteBob() {
    await roomMenu(ada, "Invite people");
    await ada.page.getByPlaceholder("Type a name").fill("bob");
    await ada.page.getByRole("button", { name: "Add Bob Hope" }).click();
    await ada.page.getByRole("button", { name: "Invite", exact: true }).click();
    await ada.page.getByText("They are invited").first().waitFor();
    await ada.page.getByRole("button", { name: "Close", exact: true }).click();
    await bob.page.getByText("You are invited to a room.").waitFor();
    await bob.page.getByRole("button", { name: "Join" }).click();
    await title(bob, "Garden").waitFor();
  }

  test("one is invited by name, and joins", inviteBob);

  test("an owner gives a role, and renames", async () => {
    await ada.page.getByRole("button", { name: "Members" }).click();
    await ada.page.getByLabel("Role of Bob Hope").selectOption("Admin");
    await bob.page.getByText("Ada Lovelace made you an admin").waitFor();
    await expect
      .poll(() => ada.page.getByLabel("Role of Bob Hope").locator("option:checked").textContent())
      .toBe("Admin");
    await bob.page.getByRole("button", { name: "Invite people" }).waitFor();
    await ada.page.getByRole("button", { name: "Close members" }).click();

    await roomMenu(ada, "Name and topic");
    await ada.page.getByLabel("Topic (optional)").fill("What grows, and what doesn't");
    await ada.page.getByLabel("Name", { exact: true }).fill("Garden and greenhouse");
    await ada.page.getByRole("button", { name: "Save" }).click();
    await title(bob, "Garden and greenhouse").waitFor();
    await bob.page.locator(".room-head").getByText("What grows, and what doesn't").waitFor();
    await roomMenu(ada, "Name and topic");
    await ada.page.getByLabel("Name", { exact: true }).fill("Garden");
    await ada.page.getByRole("button", { name: "Save" }).click();
    await title(bob, "Garden").waitFor();
  });

  test("one writes to somebody directly, from the list of members", async () => {
    await bob.page.getByRole("button", { name: "Members" }).click();
    await bob.page.getByRole("button", { name: "More about Ada Lovelace" }).click();
    await bob.page.getByRole("menuitem", { name: "Write directly" }).click();
    await title(bob, "Ada Lovelace").waitFor();
    await bob.page.getByRole("link", { name: /Garden/ }).click();
    await title(bob, "Garden").waitFor();
  });

  test("who is removed sees it, and can be invited again", async () => {
    await ada.page.getByRole("button", { name: "Members" }).click();
    await ada.page.getByRole("button", { name: "More about Bob Hope" }).click();
    await ada.page.getByRole("menuitem", { name: "Remove from room" }).click();
    await ada.page.getByRole("button", { name: "Remove", exact: true }).click();
    await bob.page.getByText("This room isn't open to you").waitFor();
    await ada.page.getByText("You removed Bob Hope").waitFor();
    await ada.page.getByRole("button", { name: "Close members" }).click();
    await bob.page.getByRole("link", { name: "Go to my rooms" }).click();
    await inviteBob();
  });

  test("over plain HTTP, a link is selected for copying, which is said within the dialogue", async () => {
    const { page } = ada;
    // As it is over plain HTTP; the tests' own address counts as secure.
    await page.evaluate(() => Object.defineProperty(navigator, "clipboard", { value: undefined }));
    await roomMenu(ada, "Invite people");
    await page.getByRole("button", { name: "Create a link" }).click();
    const link = await page.getByLabel("The invitation's link").inputValue();
    await page.getByRole("button", { name: "Copy", exact: true }).click();
    const refused = page.locator(".toast", { hasText: "copy it yourself" });
    const toast = page.getByRole("dialog").locator(refused);
    await toast.waitFor();
    expect(await refused.count()).toBe(1);
    expect(await page.evaluate(() => getSelection()?.toString())).toBe(link);
    await toast.getByRole("button", { name: "Dismiss" }).click();
    await expect.poll(() => toast.count()).toBe(0);
    await page.getByRole("button", { name: "Close", exact: true }).click();
  });

  test("what one began to write waits for oneself, and nobody else who signs in there", async () => {
    const shared = await openBrowser(browser, "Ada Lovelace");
    const { page } = shared;
    const enter = async (name: string) => {
      await signIn({ ...shared, name });
      await page.getByRole("link", { name: /Garden/ }).click();
      await title(shared, "Garden").waitFor();
    };
    const leave = async () => {
      await page.getByRole("button", { name: "Your account" }).click();
      await page.getByRole("menuitem", { name: "Sign out" }).click();
    };
    await page.goto(stack.url);
    await enter("Ada Lovelace");
    await composer(shared).fill("Bob, don't read this");
    await leave();
    await enter("Bob Hope");
    expect(await composer(shared).inputValue()).toBe("");
    await leave();
    await enter("Ada Lovelace");
    expect(await composer(shared).inputValue()).toBe("Bob, don't read this");
    await shared.context.close();
  });

  test("one gives oneself another name, which others see", async () => {
    await bob.page.getByRole("button", { name: "Your account" }).click();
    await bob.page.getByRole("menuitem", { name: "Account and sessions" }).click();
    await bob.page.getByLabel("How others see you").fill("Robert Hope");
    await bob.page.getByRole("button", { name: "Save" }).click();
    await bob.page.getByText("Your name is changed").waitFor();
    await bob.page.getByRole("button", { name: "Close", exact: true }).click();
    await bob.page.locator(".me-name", { hasText: "Robert Hope" }).waitFor();
  });

  test("one leaves, and the last one deletes", async () => {
    await roomMenu(bob, "Leave room");
    await bob.page.getByRole("dialog").getByRole("button", { name: "Leave" }).click();
    await expect.poll(() => bob.page.getByRole("link", { name: /Garden/ }).count()).toBe(0);
    await ada.page.getByText("left").waitFor();
    await roomMenu(ada, "Delete room");
    await ada.page.getByRole("dialog").getByRole("button", { name: "Delete room" }).click();
    await expect.poll(() => ada.page.getByRole("link", { name: /Garden/ }).count()).toBe(0);
  });

  test("the browser complained of nothing", () => {
    expect([...ada.complaints, ...bob.complaints]).toEqual([]);
  });
});
