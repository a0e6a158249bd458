import { type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createApi, ok, refused } from "../conformance/api.ts";
import { connect } from "../conformance/realtime-client.ts";
import { parleyKeys } from "../conformance/server-key.ts";
import { type Stack, startOneProcess } from "../stack.ts";

/** The back ends of docs/embed.md, as they stand there, against a Parley with its rates on. */

const root = join(import.meta.dirname, "../..");
const hasPython = spawnSync("python3", ["--version"]).status === 0;
const examples = [
  { name: "Express", file: "embed-express.js", language: "js", command: process.execPath },
  { name: "Python", file: "embed_python.py", language: "python", command: "python3" },
];
let stack: Stack;

beforeAll(async () => {
  stack = await startOneProcess({ env: { PARLEY_LIMITS: "on" } });
});
afterAll(() => stack[Symbol.asyncDispose]());

describe.each(examples)("$name", ({ file, language, command }) => {
  const path = join(root, "docs/examples", file);

  test("the page shows the file", () => {
    const page = readFileSync(join(root, "docs/embed.md"), "utf8");
    expect(page).toContain(`\`\`\`${language}\n${readFileSync(path, "utf8")}\`\`\``);
  });

  test("people of the application chat", async (context) => {
    if (command === "python3" && !hasPython) {
      expect(process.env.CI, "CI needs python3").toBeUndefined();
      context.skip("python3 is missing: apt-get install python3 enables it");
    }
    const key = await parleyKeys(stack, "create", "--name", file);
    await using backEnd = await start(command, path, { PARLEY_URL: stack.url, PARLEY_SERVER_KEY: key });
    const signIn = async (cookie?: string) =>
      fetch(`${backEnd.url}/chat/token`, {
        method: "POST",
        headers: cookie === undefined ? {} : { cookie: `session=${encodeURIComponent(cookie)}` },
      });
    expect((await signIn()).status).toBe(401);
    expect((await signIn("a guess")).status).toBe(401);
    const tokensOf = async (cookie: string) => (await signIn(cookie)).json() as Promise<SignedIn>;
    const [ada, bob] = await Promise.all([tokensOf("ada's cookie"), tokensOf("bob's cookie")]);
    expect((await tokensOf("ada's cookie")).user.userId).toBe(ada.user.userId);

    const api = createApi(stack.url);
    const post = (who: SignedIn, to: string, body: object) =>
      api.call("POST", to, { token: who.tokens.accessToken, body });
    const { room } = await ok(post(ada, "/v1/rooms:direct", { userId: bob.user.userId }));
    const socket = await connect(stack.socketUrl, bob.tokens.accessToken);
    await ok(post(ada, `/v1/rooms/${room.roomId}/messages`, { clientId: file, text: "hello" }));
    await socket.next((frame) => frame.event?.messagePosted?.text === "hello", "the message");
    socket.drop();

    await parleyKeys(stack, "revoke", await keyIdOf(file));
    const headers = { authorization: `Bearer ${key}` };
    const ensure = api.call("POST", "/v1/admin/users:ensure", { headers, body: { externalId: "1" } });
    await refused(ensure, 401, "UNAUTHENTICATED");
    expect((await signIn("ada's cookie").catch(() => undefined))?.ok).not.toBe(true);
    expect(stack.output() + backEnd.output()).not.toContain(key);
  });
});

interface SignedIn {
  user: { userId: string };
  tokens: { accessToken: string };
}

async function keyIdOf(name: string): Promise<string> {
  const line = (await parleyKeys(stack, "list")).split("\n").find((each) => each.endsWith(name));
  return line?.split(" ")[0] ?? "";
}

async function start(command: string, path: string, env: Record<string, string>) {
  const options: SpawnOptions = { env: { PATH: process.env.PATH, PORT: "0", ...env }, cwd: root };
  const child = spawn(command, [path], options);
  let output = "";
  const collect = (chunk: Buffer) => {
    output += chunk;
  };
  child.stdout?.on("data", collect);
  child.stderr?.on("data", collect);
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const url = () => /http:\/\/\S+/.exec(output)?.[0];
  await expect.poll(url, { timeout: 20_000, message: `the example listens` }).toBeDefined();
  return {
    url: url()!,
    output: () => output,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
