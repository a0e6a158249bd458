import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runCommand } from "./commands.ts";
import { createTestCommandLine } from "./test-command-line.ts";

const cli = createTestCommandLine();

describe("keys", () => {
  test("are made, listed, and revoked, before there is any data too", async () => {
    expect(await runCommand(["keys", "create", "--name", "shop", "--expires", "90d"], cli.env)).toBe(0);
    const [key] = /parley_sk_\S{48}/.exec(cli.printed) ?? [];
    const [id] = /[0-9a-f]{8}-\S{27}/.exec(cli.printed) ?? [];
    cli.printed = "";
    expect(await runCommand(["keys", "list"], cli.env)).toBe(0);
    expect(cli.printed).toMatch(
      new RegExp(`${id} +good +\\S+Z +never +\\S+Z +users:ensure,tokens:issue +shop`),
    );
    expect(cli.printed).not.toContain(key);
    expect(await runCommand(["keys", "revoke", id ?? ""], cli.env)).toBe(0);
    cli.printed = "";
    await runCommand(["keys", "list"], cli.env);
    expect(cli.printed).toMatch(/ revoked /);
    expect(await runCommand(["keys", "revoke", "x"], cli.env)).toBe(1);
  });

  test("are listed for scripts as JSON", async () => {
    const list = async () => {
      cli.printed = "";
      expect(await runCommand(["keys", "list", "--json"], cli.env)).toBe(0);
      return JSON.parse(cli.printed);
    };
    await runCommand(["migrate"], cli.env);
    expect(await list()).toEqual([]);
    await runCommand(["keys", "create", "--name", "shop", "--scopes", "tokens:issue"], cli.env);
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
    await runCommand(["keys", "revoke", listed.keyId], cli.env);
    expect(await list()).toEqual([{ ...shop, state: "revoked", revokedAt: time }]);
  });

  test.each([["list"], ["revoke", "x"]])("%s of data that isn't there makes none", async (...words) => {
    const url = `sqlite:${cli.folder}/mistyped`;
    expect(await runCommand(["keys", ...words], { ...cli.env, PARLEY_DATABASE_URL: url })).toBe(1);
    expect(cli.printed).toContain(`there is no data at ${url}`);
    expect(await runCommand(["keys", ...words], cli.env)).toBe(1);
    expect(readdirSync(cli.folder)).toEqual([]);
  });

  test("of what is no database, nothing is made", async () => {
    writeFileSync(join(cli.folder, "auth.db"), "x".repeat(8192));
    expect(await runCommand(["keys", "create", "--name", "shop"], cli.env)).toBe(1);
    expect(cli.printed).toMatch(/can't open \S+auth.db: file is not a database\n/);
  });

  test("can be listed whenever they end", async () => {
    await runCommand(["keys", "create", "--name", "shop", "--expires", "36500d"], cli.env);
    expect(await runCommand(["keys", "list"], cli.env)).toBe(0);
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
    expect(await runCommand(["keys", ...words], cli.env)).toBe(code);
    expect(cli.printed).toContain(message);
  });
});
