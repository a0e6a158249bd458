import { execFileSync, spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { freePort } from "../../services/common/test-free-port.ts";
import {
  createApi,
  newClientId,
  ok,
  type Person,
  refused,
  roomOf,
  send,
  timelineOf,
} from "../conformance/api.ts";
import { connect } from "../conformance/realtime-client.ts";
import { inheritedEnv } from "../inherited-env.ts";
import { startOneProcess } from "../stack.ts";

const root = join(import.meta.dirname, "../..");
const main = join(root, "services/main.ts");
const parley = (args: string[], env: Record<string, string> = {}) =>
  spawnSync(process.execPath, [main, ...args], {
    env: { ...inheritedEnv, ...env },
    encoding: "utf8",
    timeout: 20_000,
  });

describe("the process", () => {
  test("SIGTERM says goodbye, ends with 0, and what was acked is there after a restart", async () => {
    await using stack = await startOneProcess();
    const api = createApi(stack.url);
    const ada = await api.register();
    const room = await roomOf(ada);
    const client = await connect(stack.socketUrl, ada.accessToken);
    await client.request({ send: { roomId: room, clientId: "c1", text: "stays" } });
    const code = stack.terminate();
    expect((await client.kind("goodbye")).goodbye).toMatchObject({ code: 4000, resumable: true });
    expect((await client.closed).code).toBe(4000);
    expect(await code).toBe(0);
    await stack.start();
    expect((await timelineOf(ada, room)).at(-1).messagePosted.text).toBe("stays");
  });

  test("SIGTERM to npm start reaches the process", async () => {
    const folder = mkdtempSync(join(tmpdir(), "parley-npm-"));
    const port = await freePort();
    const child = spawn("npm", ["start"], {
      cwd: root,
      env: {
        ...inheritedEnv,
        HOME: process.env.HOME ?? "",
        PARLEY_HTTP_PORT: String(port),
        PARLEY_GRPC_PORT: "0",
        PARLEY_DATABASE_URL: `sqlite:${folder}`,
      },
      stdio: "ignore",
    });
    try {
      const url = `http://127.0.0.1:${port}`;
      const ready = () =>
        fetch(`${url}/readyz`).then(
          (answer) => answer.ok,
          () => false,
        );
      await expect.poll(ready, { timeout: 20_000 }).toBe(true);
      const exited = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await exited;
      await expect.poll(ready, { timeout: 10_000 }).toBe(false);
      // The data is free again: the process itself is gone, not only npm.
      const again = parley(["migrate"], { PARLEY_DATABASE_URL: `sqlite:${folder}` });
      expect(again.status, again.stderr).toBe(0);
    } finally {
      child.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("a second process on the same data is refused and says who holds it", async () => {
    await using stack = await startOneProcess();
    const second = parley(["serve"], {
      PARLEY_DATABASE_URL: `sqlite:${stack.folder}`,
      PARLEY_HTTP_PORT: String(await freePort()),
      PARLEY_GRPC_PORT: "0",
    });
    expect(second.status).not.toBe(0);
    expect(second.stdout + second.stderr).toContain(String(stack.pid));
    await ok(
      createApi(stack.url)
        .register()
        .then((ada) => ada.get("/v1/users/me")),
    );
  });

  // Limits a running process from outside, which only Linux does.
  test.runIf(process.platform === "linux")(
    "a full disk makes writes UNAVAILABLE until there is space",
    async () => {
      await using stack = await startOneProcess();
      const api = createApi(stack.url);
      const [ada, bob] = (await api.people(2)) as [Person, Person];
      const room = await roomOf(ada, bob);
      await send(ada, room, "before");
      const wal = join(stack.folder, "message.db-wal");
      // No file of the process may grow beyond what the log has now: writing answers EFBIG, as ENOSPC would.
      limitFileSize(stack.pid, String(statSync(wal).size + 50_000));
      const text = "x".repeat(8000);
      const body = () => ({ clientId: newClientId(), text });
      let answer = await ada.post(`/v1/rooms/${room}/messages`, body());
      for (let i = 0; i < 200 && answer.status === 200; i++)
        answer = await ada.post(`/v1/rooms/${room}/messages`, body());
      await refused(Promise.resolve(answer), 503, "UNAVAILABLE");
      const before = await timelineOf(bob, room);
      await refused(ada.post(`/v1/rooms/${room}/messages`, body()), 503, "UNAVAILABLE");
      limitFileSize(stack.pid, "unlimited");
      const { seq } = await send(ada, room, "after");
      const events = await timelineOf(bob, room);
      expect(Number(seq)).toBe(before.length + 1);
      expect(events.map((event) => event.seq)).toEqual(events.map((_, i) => String(i + 1)));
    },
  );

  test("data is the owner's alone, and logs hold no token, password or text", async () => {
    await using stack = await startOneProcess({ env: { PARLEY_LOG_LEVEL: "trace" } });
    const api = createApi(stack.url);
    const ada = await api.register();
    const room = await roomOf(ada);
    await send(ada, room, "a private remark");
    const client = await connect(stack.socketUrl, ada.accessToken);
    await client.request({ send: { roomId: room, clientId: "c", text: "another private remark" } });
    await api.call("POST", "/v1/auth/login", {
      body: { username: ada.username, password: "wrong but secret" },
    });
    for (const file of readdirSync(stack.folder))
      expect(statSync(join(stack.folder, file)).mode & 0o077, file).toBe(0);
    client.close();
    await stack.terminate();
    for (const secret of [
      "private remark",
      ada.accessToken,
      ada.refreshToken,
      ada.password,
      "wrong but secret",
    ]) {
      expect(stack.output()).not.toContain(secret);
    }
    for (const line of stack
      .output()
      .trim()
      .split("\n")
      .filter((each) => each.startsWith("{")))
      JSON.parse(line);
  });

  test("deleted text is in no file of the database once it has been checkpointed", async () => {
    await using stack = await startOneProcess();
    const ada = await createApi(stack.url).register();
    const room = await roomOf(ada);
    const { seq } = await send(ada, room, "unforgettable-needle-1");
    await ok(ada.patch(`/v1/rooms/${room}/messages/${seq}`, { text: "unforgettable-needle-2" }));
    await ok(ada.delete(`/v1/rooms/${room}/messages/${seq}`));
    expect(await stack.terminate()).toBe(0);
    const found = spawnSync("grep", ["-rlac", "unforgettable-needle", stack.folder], { encoding: "utf8" });
    expect(found.stdout).toBe("");
  });

  test("the command line", () => {
    const help = parley(["--help"]);
    expect(help).toMatchObject({ status: 0 });
    for (const word of ["serve", "migrate", "doctor", "--version"]) expect(help.stdout).toContain(word);
    expect(parley(["--version"]).stdout).toMatch(/^\S*\d+\.\d+\.\d+/);
    const unknown = parley(["explode"]);
    expect(unknown.status).toBe(2);
    expect(unknown.stderr).toContain("explode");
    const bad = parley(["serve"], {
      PARLEY_HTTP_PORT: "eighty",
      PARLEY_LIMIT_SENDS_PER_USER: "lots",
      PARLEY_DATABASE_URL: "oracle:x",
      PARLEY_HTPP_PORT: "1",
    });
    expect(bad.status).not.toBe(0);
    for (const name of [
      "PARLEY_HTTP_PORT",
      "PARLEY_LIMIT_SENDS_PER_USER",
      "PARLEY_DATABASE_URL",
      "PARLEY_HTPP_PORT",
    ]) {
      expect(bad.stderr + bad.stdout).toContain(name);
    }
  });

  test("migrate and doctor say what they did and found", () => {
    const folder = mkdtempSync(join(tmpdir(), "parley-cli-"));
    try {
      const env = { PARLEY_DATABASE_URL: `sqlite:${folder}` };
      expect(parley(["migrate"], env).status).toBe(0);
      expect(parley(["migrate"], env).status).toBe(0);
      const good = parley(["doctor"], env);
      expect(good.status, good.stdout + good.stderr).toBe(0);
      if (process.getuid?.() !== 0) {
        chmodSync(folder, 0o500);
        expect(parley(["doctor"], env).status).not.toBe(0);
        chmodSync(folder, 0o700);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

function limitFileSize(pid: number, bytes: string): void {
  execFileSync("prlimit", ["--pid", String(pid), `--fsize=${bytes}:unlimited`]);
}
