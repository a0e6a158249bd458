import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { freePort } from "../../services/common/test-free-port.ts";
import { parleyKeys } from "../conformance/server-key.ts";
import { createStackProcess } from "../stack-process.ts";

test("keys made while Parley starts for the first time are made, and it starts", async () => {
  const folder = mkdtempSync(join(tmpdir(), "parley-first-"));
  const url = `http://127.0.0.1:${await freePort()}`;
  const server = createStackProcess({
    env: {
      PARLEY_HTTP_PORT: new URL(url).port,
      PARLEY_GRPC_PORT: "0",
      PARLEY_DATABASE_URL: `sqlite:${folder}`,
    },
    folder,
    isReady: async () => (await fetch(`${url}/readyz`)).ok,
  });
  onTestFinished(async () => {
    await server.end("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });
  const create = (name: string) => parleyKeys({ databaseUrl: `sqlite:${folder}` }, "create", "--name", name);
  const [, ...keys] = await Promise.all([server.start(), create("a"), create("b")]);
  for (const key of keys) {
    expect(key).toMatch(/^parley_sk_/);
    const answer = await fetch(`${url}/v1/admin/users:ensure`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify({ externalId: "nobody" }),
    });
    expect(answer.status).toBe(200);
  }
}, 90_000);
