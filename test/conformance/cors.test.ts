import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Stack, topologies } from "../stack.ts";
import { password } from "./api.ts";

/** One call of each kind that a page can make by HTTP. */
const paths = ["/v1/auth/register", "/parley.auth.v1.AuthService/Register"];
const own = "https://app.example";
/** What looks like the configured origin and is another. */
const foreign = [
  "https://evil.example",
  "http://app.example",
  "https://app.example:8443",
  "https://app.example.evil.example",
  "https://xapp.example",
  "null",
];

describe.each(topologies)("CORS, $name", ({ start }) => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await start({ env: { PARLEY_ALLOWED_ORIGINS: own } });
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  const preflight = (path: string, origin: string) =>
    fetch(stack.url + path, {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,connect-protocol-version,x-grpc-web",
      },
    });

  test.each(paths)("a configured origin may call %s, with a token, and read what it needs", async (path) => {
    const allowed = await preflight(path, own);
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get("access-control-allow-origin")).toBe(own);
    expect(allowed.headers.get("access-control-allow-credentials")).toBeNull();
    const headers = allowed.headers.get("access-control-allow-headers")?.toLowerCase().split(", ");
    expect(headers).toEqual(
      expect.arrayContaining(["authorization", "content-type", "connect-protocol-version", "x-grpc-web"]),
    );
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"])
      expect(allowed.headers.get("access-control-allow-methods")).toContain(method);

    const answer = await fetch(stack.url + path, {
      method: "POST",
      headers: { origin: own, "content-type": "application/json" },
      body: JSON.stringify({ username: `u-${randomUUID().slice(0, 18)}`, password }),
    });
    expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([200, own]);
    const exposed = answer.headers.get("access-control-expose-headers")?.toLowerCase();
    for (const name of ["x-request-id", "retry-after", "grpc-status-details-bin"])
      expect(exposed).toContain(name);
    expect(answer.headers.get("vary")?.toLowerCase()).toContain("origin");
  });

  test("a refusal can be read by the page as well", async () => {
    const answer = await fetch(`${stack.url}/v1/users/me`, { headers: { origin: own } });
    expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([401, own]);
  });

  test.each(foreign)("%s may not", async (origin) => {
    for (const path of paths)
      expect((await preflight(path, origin)).headers.get("access-control-allow-origin")).toBeNull();
    const answer = await fetch(`${stack.url}/v1/users/me`, { headers: { origin } });
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
  });
});

describe.each(topologies)("CORS by default, $name", ({ start }) => {
  test("no other origin may call, and none is let in by a wildcard", async () => {
    await using stack = await start();
    for (const path of paths) {
      const answer = await fetch(stack.url + path, {
        method: "OPTIONS",
        headers: { origin: own, "access-control-request-method": "POST" },
      });
      expect(answer.headers.get("access-control-allow-origin")).toBeNull();
      expect(answer.ok).toBe(false);
    }
  });
});
