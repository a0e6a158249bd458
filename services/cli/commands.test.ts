import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { runCommand } from "./commands.ts";

let printed = "";
let folder: string;
let env: Record<string, string>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "parley-cli-"));
  env = { PARLEY_DATABASE_URL: `sqlite:${folder}`, PARLEY_HTTP_PORT: "0", PARLEY_GRPC_PORT: "0" };
  printed = "";
  const print = (...words: unknown[]) => {
    printed += `${words.join(" ")}\n`;
    return true;
  };
  vi.spyOn(console, "log").mockImplementation(print);
  vi.spyOn(console, "error").mockImplementation(print);
  vi.spyOn(process.stdout, "write").mockImplementation(print);
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

describe("the command line", () => {
  test.each([["--help"], ["-h"], ["serve", "--help"]])("%s %s shows how it is used", async (...words) => {
    expect(await runCommand(words, env)).toBe(0);
    expect(printed).toContain("Usage: parley <command>");
  });

  test("--version shows the version", async () => {
    expect(await runCommand(["--version"], env)).toBe(0);
    expect(printed).toMatch(/^\d+\.\d+\.\d+\n/);
  });

  test.each([
    [[], "which command?"],
    [["srve"], 'there is no command "srve": did you mean serve?'],
    [["frobnicate"], 'there is no command "frobnicate"\n'],
    [["serve", "--port=1"], "--port"],
    [["serve", "mesage"], 'there is no service "mesage": did you mean message?'],
    [["doctor", "gatway"], 'there is no service "gatway": did you mean gateway?'],
    [["migrate", "now"], 'parley migrate takes no arguments, but there is "now"'],
    [["backup"], "takes the folder to make"],
    [["backup", "a", "b"], "takes the folder to make"],
    [["restore"], "the folder of one backup, or --in-place"],
    [["restore", "a", "--in-place"], "takes the data that is there"],
    [["restore", "a", "--force"], "--force"],
  ])("%j is refused with exit code 2", async (words, message) => {
    expect(await runCommand(words, env)).toBe(2);
    expect(printed).toContain(message);
  });

  test.each(["serve", "migrate"])("%s lists all that is wrong with the configuration", async (command) => {
    const wrong = { PARLEY_DATABASE_URL: "sqlite:", PARLEY_HTTP_PORT: "web" };
    expect(await runCommand([command], wrong)).toBe(78);
    expect(printed).toContain("PARLEY_DATABASE_URL");
    expect(printed).toContain('PARLEY_HTTP_PORT is "web": it should be an integer from 0 to 65535');
  });

  test("serve lists what the named services lack", async () => {
    expect(await runCommand(["serve", "room", "auth"], { PARLEY_DATABASE_URL: `sqlite:${folder}` })).toBe(78);
    for (const name of ["PARLEY_MESSAGE_URL", "PARLEY_MESH_SECRET", "PARLEY_KEY_ENCRYPTION_SECRET"])
      expect(printed).toContain(`${name} is missing`);
  });
});

describe("migrate", () => {
  test("makes the databases, and then has nothing to do", async () => {
    expect(await runCommand(["migrate"], env)).toBe(0);
    expect(printed).toMatch(/auth: at \S+, ([1-9]\d*) of \1 applied now/);
    expect(printed).toMatch(/room: at \S+, ([1-9]\d*) of \1 applied now/);
    expect(printed).toMatch(/message: at \S+, ([1-9]\d*) of \1 applied now/);
    printed = "";
    expect(await runCommand(["migrate"], env)).toBe(0);
    expect(printed).toMatch(/message: at \S+, 0 of [1-9]\d* applied now/);
  });
});

describe("keys", () => {
  test("are made, listed, and revoked, before there is any data too", async () => {
    expect(await runCommand(["keys", "create", "--name", "shop", "--expires", "90d"], env)).toBe(0);
    const [key] = /parley_sk_\S{48}/.exec(printed) ?? [];
    const [id] = /[0-9a-f]{8}-\S{27}/.exec(printed) ?? [];
    printed = "";
    expect(await runCommand(["keys", "list"], env)).toBe(0);
    expect(printed).toMatch(new RegExp(`${id} +good +\\S+Z +never +\\S+Z +users:ensure,tokens:issue +shop`));
    expect(printed).not.toContain(key);
    expect(await runCommand(["keys", "revoke", id ?? ""], env)).toBe(0);
    printed = "";
    await runCommand(["keys", "list"], env);
    expect(printed).toMatch(/ revoked /);
    expect(await runCommand(["keys", "revoke", "x"], env)).toBe(1);
  });

  test("are listed for scripts as JSON", async () => {
    const list = async () => {
      printed = "";
      expect(await runCommand(["keys", "list", "--json"], env)).toBe(0);
      return JSON.parse(printed);
    };
    await runCommand(["migrate"], env);
    expect(await list()).toEqual([]);
    await runCommand(["keys", "create", "--name", "shop", "--scopes", "tokens:issue"], env);
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    const shop = {
      keyId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      name: "shop",
      state: "good",
      scopes: ["tokens:issue"],
      createdAt: time,
      lastUsedAt: null,
      expiresAt: null,
      revokedAt: null,
    };
    const [listed] = await list();
    expect(listed).toEqual(shop);
    await runCommand(["keys", "revoke", listed.keyId], env);
    expect(await list()).toEqual([{ ...shop, state: "revoked", revokedAt: time }]);
  });

  test.each([["list"], ["revoke", "x"]])("%s of data that isn't there makes none", async (...words) => {
    const url = `sqlite:${folder}/mistyped`;
    expect(await runCommand(["keys", ...words], { ...env, PARLEY_DATABASE_URL: url })).toBe(1);
    expect(printed).toContain(`there is no data at ${url}`);
    expect(await runCommand(["keys", ...words], env)).toBe(1);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("of what is no database, nothing is made", async () => {
    writeFileSync(join(folder, "auth.db"), "x".repeat(8192));
    expect(await runCommand(["keys", "create", "--name", "shop"], env)).toBe(1);
    expect(printed).toMatch(/can't open \S+auth.db: file is not a database\n/);
  });

  test("can be listed whenever they end", async () => {
    await runCommand(["keys", "create", "--name", "shop", "--expires", "36500d"], env);
    expect(await runCommand(["keys", "list"], env)).toBe(0);
  });

  test.each([
    [["--help"], 0, "Usage:\n  parley keys create"],
    [[], 2, "followed by create, list or revoke"],
    [["create"], 2, "--name is needed"],
    [["create", "--name", "x", "--scopes", "all"], 2, 'no scope "all": there are users:ensure, tokens:issue'],
    [["create", "--name", "x", "--expires", "soon"], 2, "it should be a duration such as"],
    [["create", "--name", "x", "--expires", "36501d"], 2, "up to 36500d"],
    [["list", "all"], 2, '"all"'],
    [["revoke"], 2, "the id of one key"],
  ])("%j is answered with exit code %i", async (words, code, message) => {
    expect(await runCommand(["keys", ...words], env)).toBe(code);
    expect(printed).toContain(message);
  });
});

describe("events", () => {
  test.each([
    [["--help"], 0, "Usage:\n  parley events list"],
    [[], 2, "followed by list, show or replay"],
    [["list", "all"], 2, '"all"'],
    [["list"], 2, "PARLEY_EVENTS_URL names no Kafka cluster"],
    [["show", "parley.timelines"], 2, "one topic is needed"],
    [["replay", "parley.feed.v1"], 2, "--group is needed"],
    [["replay", "parley.feed.v1", "--group", "x", "--from", "today"], 2, "a time or an offset"],
  ])("%j is answered with exit code %i", async (words, code, message) => {
    expect(await runCommand(["events", ...words], env)).toBe(code);
    expect(printed).toContain(message);
  });

  test("where they go is checked before anything is done", async () => {
    const wrong = {
      PARLEY_EVENTS_URL: "kafka://user:secret@kafka",
      PARLEY_KAFKA_SASL: "plain",
      PARLEY_KAFKA_USERNAME: "parley",
      PARLEY_KAFKA_PASSWORD: "secret",
      PARLEY_KAFKA_CA_FILE: join(folder, "none.pem"),
      PARLEY_KAFKA_REPLICATION: "1",
      PARLEY_KAFKA_MIN_ISR: "2",
    };
    expect(await runCommand(["serve"], { ...env, ...wrong })).toBe(78);
    expect(printed).not.toContain("secret@");
    for (const told of [
      "without user and password",
      "sends the password",
      "none.pem",
      "PARLEY_KAFKA_MIN_ISR",
    ])
      expect(printed).toContain(told);
  });
});

describe("doctor", () => {
  test("is content before the first start and after it", async () => {
    expect(await runCommand(["doctor"], { ...env, PARLEY_DATABASE_URL: `sqlite:${folder}/new` })).toBe(0);
    expect(printed).toContain("will be made");
    await runCommand(["migrate"], env);
    printed = "";
    expect(await runCommand(["doctor"], env)).toBe(0);
    expect(printed).toMatch(/ok {4}message database: at /);
    expect(printed).toContain("All is well.");
  });

  test("says what to do about a folder that others can read", async () => {
    chmodSync(folder, 0o755);
    expect(await runCommand(["doctor"], env)).toBe(1);
    expect(printed).toContain(`chmod 700 '${folder}'`);
  });

  test("says what to do about the configuration", async () => {
    expect(await runCommand(["doctor"], { ...env, PARLEY_HTTP_PRT: "1" })).toBe(1);
    expect(printed).toContain("did you mean PARLEY_HTTP_PORT?");
  });

  test("asks the other processes, of a process that calls some", async () => {
    const mesh = {
      PARLEY_MESH_PORT: "0",
      PARLEY_MESH_SECRET: "x".repeat(32),
      PARLEY_AUTH_URL: "grpc://127.0.0.1:1",
      PARLEY_ROOM_URL: "grpc://127.0.0.1:1",
    };
    expect(await runCommand(["doctor", "message", "delivery"], { ...env, ...mesh })).toBe(1);
    expect(printed).toMatch(/ok {4}message database: /);
    expect(printed).not.toContain("auth database");
    expect(printed).toContain("FAIL  auth at grpc://127.0.0.1:1: auth is not available");
    expect(printed).toContain("Start it (parley serve auth)");
  });

  test("finds the operator's port taken", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    try {
      expect(await runCommand(["doctor"], { ...env, PARLEY_OPERATOR_PORT: String(port) })).toBe(1);
      expect(printed).toContain("name another port in PARLEY_OPERATOR_PORT");
    } finally {
      server.close();
    }
  });

  test("tells another program on the port from Parley itself", async () => {
    let status = "hello";
    const server = createServer((_, response) => response.end(JSON.stringify({ status })));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const busy = { ...env, PARLEY_HTTP_PORT: String((server.address() as AddressInfo).port) };
    try {
      expect(await runCommand(["doctor"], busy)).toBe(1);
      expect(printed).toContain("name another port in PARLEY_HTTP_PORT");
      status = "ready";
      expect(await runCommand(["doctor"], busy)).toBe(0);
      expect(printed).toContain("Parley runs there and is ready");
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
