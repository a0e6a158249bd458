import { chmodSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { runCommand } from "./commands.ts";
import { createTestCommandLine } from "./test-command-line.ts";

const cli = createTestCommandLine();

describe("doctor", () => {
  test("is content before the first start and after it", async () => {
    expect(
      await runCommand(["doctor"], { ...cli.env, PARLEY_DATABASE_URL: `sqlite:${cli.folder}/new` }),
    ).toBe(0);
    expect(cli.printed).toContain("will be made");
    await runCommand(["migrate"], cli.env);
    cli.printed = "";
    expect(await runCommand(["doctor"], cli.env)).toBe(0);
    expect(cli.printed).toMatch(/ok {4}message database: at /);
    expect(cli.printed).toContain("All is well.");
  });

  test("says what to do about a folder that others can read", async () => {
    chmodSync(cli.folder, 0o755);
    expect(await runCommand(["doctor"], cli.env)).toBe(1);
    expect(cli.printed).toContain(`chmod 700 '${cli.folder}'`);
  });

  test("says what to do about the configuration", async () => {
    expect(await runCommand(["doctor"], { ...cli.env, PARLEY_HTTP_PRT: "1" })).toBe(1);
    expect(cli.printed).toContain("did you mean PARLEY_HTTP_PORT?");
  });

  test("asks the other processes, of a process that calls some", async () => {
    const mesh = {
      PARLEY_MESH_PORT: "0",
      PARLEY_MESH_SECRET: "x".repeat(32),
      PARLEY_AUTH_URL: "grpc://127.0.0.1:1",
      PARLEY_ROOM_URL: "grpc://127.0.0.1:1",
    };
    expect(await runCommand(["doctor", "message", "delivery"], { ...cli.env, ...mesh })).toBe(1);
    expect(cli.printed).toMatch(/ok {4}message database: /);
    expect(cli.printed).not.toContain("auth database");
    expect(cli.printed).toContain("FAIL  auth at grpc://127.0.0.1:1: auth is not available");
    expect(cli.printed).toContain("Start it (parley serve auth)");
  });

  test("finds the operator's port taken", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    try {
      expect(await runCommand(["doctor"], { ...cli.env, PARLEY_OPERATOR_PORT: String(port) })).toBe(1);
      expect(cli.printed).toContain("name another port in PARLEY_OPERATOR_PORT");
    } finally {
      server.close();
    }
  });

  test("tells another program on the port from Parley itself", async () => {
    let status = "hello";
    const server = createServer((_, response) => response.end(JSON.stringify({ status })));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const busy = { ...cli.env, PARLEY_HTTP_PORT: String((server.address() as AddressInfo).port) };
    try {
      expect(await runCommand(["doctor"], busy)).toBe(1);
      expect(cli.printed).toContain("name another port in PARLEY_HTTP_PORT");
      status = "ready";
      expect(await runCommand(["doctor"], busy)).toBe(0);
      expect(cli.printed).toContain("Parley runs there and is ready");
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
