import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createParley, type MessageItem, type Parley } from "../../client/index.ts";
import { type Stack, startOneProcess } from "../stack.ts";
import { type InstalledPackage, installPackage, root } from "./installed-package.ts";

/** The programs of docs/clients.md, as they stand there, with the client as it is published. */

const bots = ["bot.js", "bot-without-client.js"];
let stack: Stack;
let installed: InstalledPackage;
let ada: Parley;

beforeAll(async () => {
  stack = await startOneProcess();
  installed = installPackage();
  ada = createParley({ url: stack.url });
  await ada.register({ username: "ada", password: "correct horse" });
  ada.connect();
}, 120_000);
afterAll(async () => {
  await ada.close();
  installed.remove();
  await stack[Symbol.asyncDispose]();
});

describe.each([...bots, "chat-room.jsx"])("%s", (file) => {
  test("is shown on the page as it is", () => {
    const page = readFileSync(join(root, "docs/clients.md"), "utf8");
    const language = file.split(".")[1];
    const text = readFileSync(join(root, "docs/examples", file), "utf8");
    expect(page).toContain(`\`\`\`${language}\n${text}\`\`\``);
  });
});

test("a bot takes 20 lines", () => {
  const lines = readFileSync(join(root, "docs/examples/bot.js"), "utf8").split("\n");
  expect(lines.filter((line) => line !== "").length).toBeLessThanOrEqual(20);
});

describe.each(bots)("%s", (file) => {
  test("answers, also after the server was killed", { timeout: 60_000 }, async () => {
    const username = `bot-${randomUUID().slice(0, 8)}`;
    const password = "correct horse";
    const { userId } = await createParley({ url: stack.url }).register({ username, password });
    const { room } = await ada.rooms.createRoom({ name: file, memberIds: [userId] });
    const store = ada.room(room!.roomId);
    const close = store.open();
    await using bot = start(file, { PARLEY_URL: stack.url, BOT_NAME: username, BOT_PASSWORD: password });
    await expect.poll(bot.output, { timeout: 20_000 }).toContain("connected");

    const pongs = () =>
      store.state
        .get()
        .messages.filter((item): item is MessageItem => item.kind === "message" && item.authorId === userId)
        .map(({ text, replyTo }) => `${text} to ${replyTo?.preview?.text}`);
    store.send("!ping");
    store.send("hello");
    await expect.poll(pongs, { timeout: 10_000 }).toEqual(["pong to !ping"]);
    await stack.kill();
    await stack.start();
    await expect.poll(() => bot.output().split("connected").length, { timeout: 30_000 }).toBeGreaterThan(2);
    store.send("!ping");
    await expect.poll(pongs, { timeout: 20_000 }).toEqual(["pong to !ping", "pong to !ping"]);
    close();
  });
});

test("bot.js accepts invitations by name", { timeout: 30_000 }, async () => {
  const [username, password] = ["invited-bot", "correct horse"];
  const { userId } = await createParley({ url: stack.url }).register({ username, password });
  const { room } = await ada.rooms.createRoom({ name: "Later" });
  const roomId = room!.roomId;
  // One from before it starts, and one from after.
  await ada.rooms.createInvitation({ roomId, userId });
  await using bot = start("bot.js", { PARLEY_URL: stack.url, BOT_NAME: username, BOT_PASSWORD: password });
  const store = ada.room(roomId);
  const close = store.open();
  const members = async () =>
    (await ada.rooms.listMembers({ roomId })).members.map((member) => member.userId);
  await expect.poll(members, { timeout: 20_000, message: bot.output() }).toContain(userId);
  await ada.rooms.removeMember({ roomId, userId });
  await ada.rooms.createInvitation({ roomId, userId });
  await expect.poll(members, { timeout: 20_000, message: bot.output() }).toContain(userId);
  close();
});

function start(file: string, env: Record<string, string>) {
  const path = join(installed.folder, file);
  cpSync(join(root, "docs/examples", file), path);
  const child = spawn(process.execPath, [path], { env: { PATH: process.env.PATH, ...env } });
  let output = "";
  const collect = (chunk: Buffer) => {
    output += chunk;
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  const exited = new Promise((resolve) => child.once("exit", resolve));
  return {
    output: () => output,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
