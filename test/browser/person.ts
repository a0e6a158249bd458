import type { Browser, BrowserContext, BrowserContextOptions, Locator, Page } from "playwright-core";

/** Someone in front of the page, in a browser of their own. */
export interface Person {
  readonly name: string;
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the browser complained of: refusals by the page's policy, and errors that nobody caught. */
  readonly complaints: readonly string[];
}

export const password = "correct horse";

export async function openBrowser(
  browser: Browser,
  name: string,
  options: BrowserContextOptions = {},
): Promise<Person> {
  const context = await browser.newContext({ locale: "en-GB", timezoneId: "Europe/Berlin", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const complaints: string[] = [];
  page.on("console", (message) => {
    // A server that is away, and calls that it refuses, are errors to the browser, and none of the page's.
    const isNetwork = /Failed to load resource|WebSocket connection|ERR_/.test(message.text());
    if (message.type() === "error" && !isNetwork) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error.stack ?? error)));
  return { name, page, context, complaints };
}

/** Fills in the form that is open. Usernames are the names in lower case. */
export async function signUp({ page, name }: Person): Promise<void> {
  const toSignUp = page.getByRole("button", { name: "Create an account" });
  const submit = page.getByRole("button", { name: "Create account" });
  await toSignUp.or(submit).first().waitFor();
  if (!(await submit.isVisible())) await toSignUp.click();
  await page.getByLabel("Username").fill(usernameOf(name));
  await page.getByLabel("Your name").fill(name);
  await page.getByLabel("Password").fill(password);
  await submit.click();
  await page.getByRole("button", { name: "Your account" }).waitFor();
}

export async function signIn(
  { page, name }: Person,
  account = { username: usernameOf(name), password },
): Promise<void> {
  await page.getByLabel("Username").fill(account.username);
  await page.getByLabel("Password").fill(account.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Your account" }).waitFor();
}

export function usernameOf(name: string): string {
  return name.toLowerCase().replaceAll(" ", ".");
}

/** Makes a room, and is in it. */
export async function createRoom({ page }: Person, name: string): Promise<void> {
  await page.getByRole("button", { name: "New room" }).click();
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Create room" }).click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
}

/** A link that lets others into the room that is open. */
export async function createLink({ page }: Person): Promise<string> {
  await page.getByRole("button", { name: "Invite people" }).click();
  await page.getByRole("button", { name: "Create a link" }).click();
  const link = await page.getByLabel("The invitation's link").inputValue();
  await page.getByRole("button", { name: "Close", exact: true }).click();
  return link;
}

export function composer({ page }: Person): Locator {
  return page.locator(".composer-field");
}

export async function write(person: Person, text: string): Promise<void> {
  await composer(person).fill(text);
  await composer(person).press("Enter");
}

/** The message with this text, as it stands in the timeline. */
export function message({ page }: Person, text: string): Locator {
  const whole = new RegExp(`^${text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`);
  return page.locator(".message").filter({ has: page.locator(".message-text", { hasText: whole }) });
}

/** Presses a button of a message, as who points at it does. */
export async function act(person: Person, text: string, button: string | RegExp): Promise<void> {
  const found = message(person, text);
  await found.hover();
  await found.getByRole("button", { name: button }).first().click();
}

/**
 * All messages on the screen of a room, from the oldest to the newest, as one reads them who scrolls: only those in
 * sight are in the document.
 */
export async function readTimeline({ page }: Person): Promise<string[]> {
  const scroll = page.locator(".timeline-scroll");
  await scroll.evaluate((element) => element.scrollTo({ top: 0 }));
  const seen = new Map<number, string>();
  for (;;) {
    // Twice: what was scrolled to is rendered in between.
    await page.evaluate(
      () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
    );
    const { rows, isEnd } = await scroll.evaluate((element) => {
      const found = [...element.querySelectorAll<HTMLElement>(".timeline-row")].flatMap((row) => {
        const text = row.querySelector(".message-text")?.textContent;
        return text == null ? [] : [{ index: Number(row.dataset.index), text }];
      });
      const end = element.scrollTop + element.clientHeight >= element.scrollHeight - 2;
      element.scrollTop += element.clientHeight / 2;
      return { rows: found, isEnd: end };
    });
    for (const { index, text } of rows) seen.set(index, text);
    if (isEnd) break;
  }
  return [...seen].sort(([a], [b]) => a - b).map(([, text]) => text);
}
