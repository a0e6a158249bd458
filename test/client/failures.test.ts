import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createMemoryStorage, createParley, type Parley } from "../../client/index.ts";
import { type Stack, startOneProcess } from "../stack.ts";
import { createFileStorage } from "./file-storage.ts";
import { type HostileProxy, startHostileProxy } from "./hostile-proxy.ts";

/** What happens to a client when things around it fail. */

let stack: Stack;
let proxy: HostileProxy;
let people = 0;
const clients: Parley[] = [];

beforeAll(async () => {
  stack = await startOneProcess();
  proxy = await startHostileProxy(stack.url);
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  proxy.refuseUpgrades(false);
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await stack[Symbol.asyncDispose]();
});

function open(options: Parameters<typeof createParley>[0] = {}): Parley {
  const parley = createParley({ url: proxy.url, ...options });
  clients.push(parley);
  return parley;
}

async function signedUp(options?: Parameters<typeof createParley>[0]): Promise<Parley> {
  const parley = open(options);
  people += 1;
  await parley.register({ username: `somebody${people}`, password: "correct horse" });
  return parley;
}

const isConnected = (parley: Parley) => parley.connection.get().status === "connected";
const texts = async (parley: Parley, roomId: string) =>
  (await parley.messages.listMessages({ roomId })).messages.map(({ text }) => text);

describe("WebSockets that can't be opened", () => {
  test("are replaced by Subscribe, and taken again when they can", { timeout: 60_000 }, async () => {
    proxy.refuseUpgrades(true);
    const parley = await signedUp();
    const { room } = await parley.rooms.createRoom({ name: "Tea" });
    const roomId = room!.roomId;
    const seqs: bigint[] = [];
    parley.on("event", ({ seq }) => void seqs.push(seq));
    parley.connect();
    await expect
      .poll(() => parley.connection.get(), { timeout: 20_000 })
      .toEqual({ status: "connected", transport: "subscribe" });
    const store = parley.room(roomId);
    const close = store.open();
    store.send("by a call");
    await expect.poll(() => seqs).toEqual([2n]);
    proxy.refuseUpgrades(false);
    await expect.poll(() => parley.connection.get().transport, { timeout: 30_000 }).toBe("websocket");
    store.send("by a frame");
    await expect.poll(() => seqs).toEqual([2n, 3n]);
    close();
  });
});

describe("tokens", () => {
  test("are refreshed by two clients on one storage at once, and both go on", async () => {
    const storage = createMemoryStorage();
    const one = await signedUp({ storage });
    const other = open({ storage });
    for (let round = 0; round < 5; round += 1) {
      // As if the end were near.
      const session = (await storage.get("session")) as object;
      await storage.set("session", { ...session, renewAt: 0, endsAt: 0 });
      const late = [open({ storage }), open({ storage })];
      const answers = await Promise.all(late.map((parley) => parley.users.getMe({})));
      expect(answers.map(({ user }) => user?.username)).toEqual(late.map(() => `somebody${people}`));
    }
    for (const parley of [one, other]) await expect(parley.users.getMe({})).resolves.toBeDefined();
    expect(one.session.get().status).toBe("signedIn");
  });

  test("that were revoked sign out everywhere, and say why", async () => {
    const storage = createMemoryStorage();
    const one = await signedUp({ storage });
    const other = open({ storage });
    one.connect();
    await expect.poll(() => isConnected(one)).toBe(true);
    const elsewhere = open();
    await elsewhere.login({ username: `somebody${people}`, password: "correct horse" });
    const { sessions } = await elsewhere.auth.listSessions({});
    const { sessionId } = sessions.find(({ current }) => !current)!;
    await elsewhere.auth.revokeSession({ sessionId });
    for (const parley of [one, other])
      await expect
        .poll(() => parley.session.get(), { timeout: 10_000 })
        .toEqual({ status: "signedOut", reason: "SESSION_REVOKED" });
    await expect.poll(() => one.connection.get().status).toBe("idle");
    await expect(one.users.getMe({})).rejects.toMatchObject({ reason: "SIGNED_OUT" });
  });

  test("that an application's back end got sign in", async () => {
    people += 1;
    const body = JSON.stringify({ username: `somebody${people}`, password: "correct horse" });
    const answer = await fetch(`${proxy.url}/v1/auth/register`, { method: "POST", body });
    const { tokens } = (await answer.json()) as { tokens: { accessToken: string; refreshToken: string } };
    const parley = open();
    await expect(parley.useTokens({ ...tokens, accessToken: "none" })).rejects.toMatchObject({
      reason: "UNAUTHENTICATED",
    });
    expect((await parley.useTokens(tokens)).username).toBe(`somebody${people}`);
    expect((await parley.users.getMe({})).user?.username).toBe(`somebody${people}`);
    await parley.logoutEverywhere();
    expect(parley.session.get()).toEqual({ status: "signedOut" });
  });

  test("of another person take their rooms along", async () => {
    const parley = await signedUp();
    await parley.rooms.createRoom({ name: "First" });
    parley.connect();
    await expect.poll(() => parley.inbox.get().rooms.map(({ title }) => title)).toEqual(["First"]);
    people += 1;
    await parley.register({ username: `somebody${people}`, password: "correct horse" });
    await expect.poll(() => parley.inbox.get()).toMatchObject({ status: "ready", rooms: [] });
    await expect.poll(() => isConnected(parley)).toBe(true);
  });
});

describe("errors", () => {
  test("have the server's reason, and the fields at fault", async () => {
    const parley = await signedUp();
    await expect(parley.rooms.getRoom({ roomId: "none" })).rejects.toMatchObject({
      reason: "ROOM_NOT_FOUND",
    });
    const nameless = parley.rooms.createRoom({ name: "" });
    await expect(nameless).rejects.toMatchObject({
      reason: "INVALID_ARGUMENT",
      fields: [{ field: "name", message: expect.any(String) }],
    });
    const aborted = parley.users.getMe({}, { signal: AbortSignal.abort() });
    await expect(aborted).rejects.toMatchObject({ reason: "CANCELLED" });
    const nowhere = open({ url: "http://127.0.0.1:9" });
    await expect(nowhere.login({ username: "ada", password: "correct horse" })).rejects.toMatchObject({
      reason: "UNAVAILABLE",
    });
  });

  test("that stay fail a message; it is kept, and can be discarded", async () => {
    const parley = await signedUp();
    parley.connect();
    const { room } = await parley.rooms.createRoom({ name: "Tea" });
    const store = parley.room(room!.roomId);
    const close = store.open();
    const { clientId } = store.send("x".repeat(8001));
    store.send("short");
    await expect
      .poll(() => store.state.get().outgoing)
      .toMatchObject([{ state: "failed", error: { reason: "INVALID_ARGUMENT" } }]);
    expect(await texts(parley, room!.roomId)).toEqual(["short"]);
    store.discard(clientId);
    await expect.poll(() => store.state.get().outgoing).toEqual([]);
    close();
  });
});

describe("the outbox", () => {
  test("of a process that was killed is sent by the next, once and in order", {
    timeout: 60_000,
  }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "parley-outbox-"));
    const parley = await signedUp({ storage: createFileStorage(folder) });
    const { room } = await parley.rooms.createRoom({ name: "Tea" });
    const roomId = room!.roomId;
    const expected = Array.from({ length: 400 }, (_, index) => `message ${index}`);
    const program = join(import.meta.dirname, "sender.ts");
    const child = spawn(process.execPath, [program, proxy.url, folder, roomId, String(expected.length)]);
    const exited = new Promise((resolve) => child.once("exit", resolve));
    let output = "";
    child.stdout.on("data", (chunk) => {
      output += chunk;
      // Some are acknowledged, some are under way, some wait; a moment later all might be acknowledged.
      if (output.includes("all are kept")) child.kill("SIGKILL");
    });
    await exited;
    const later = open({ storage: createFileStorage(folder) });
    const store = later.room(roomId);
    const close = store.open();
    await expect.poll(() => store.state.get().status).toBe("ready");
    await expect.poll(() => store.state.get().outgoing.length).toBeGreaterThan(0);
    later.connect();
    await expect.poll(() => store.state.get().outgoing, { timeout: 30_000 }).toEqual([]);
    const sent: string[] = [];
    for (let afterSeq = 0n; ; ) {
      const { messages, hasMore } = await later.messages.listMessages({ roomId, afterSeq, pageSize: 200 });
      sent.push(...messages.map(({ text }) => text));
      afterSeq = messages.at(-1)?.seq ?? 0n;
      if (!hasMore) break;
    }
    expect(sent).toEqual(expected);
    close();
    rmSync(folder, { recursive: true });
  });
});
