import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { bindingsOf } from "../../gateway/rest/bindings.ts";
import { publicServices } from "../../gateway/services.ts";
import { createTestCertificate } from "../../services/common/test-certificates.ts";
import { freePort } from "../../services/common/test-free-port.ts";
import { type Stack, startOneProcess } from "../stack.ts";
import { createApi } from "./api.ts";
import { handshake, rawRequest } from "./raw-socket.ts";

/** What holds for whatever is answered, and what proxies in front may say. */

const always = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "x-frame-options": "DENY",
  "cross-origin-resource-policy": "same-origin",
};

function expectHeaders(headers: Headers, what: string): void {
  for (const [name, value] of Object.entries(always)) expect(headers.get(name), what).toBe(value);
  expect(headers.get("content-security-policy"), what).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
  expect(headers.get("cache-control"), what).toBeTruthy();
  expect(headers.get("x-request-id"), what).toMatch(/^[0-9a-f-]{36}$/);
  for (const name of ["server", "x-powered-by", "via", "strict-transport-security"])
    expect(headers.get(name), what).toBeNull();
}

function headersIn(answer: string): Headers {
  const [, ...lines] = answer.slice(0, answer.indexOf("\r\n\r\n")).split("\r\n");
  return new Headers(lines.map((line) => line.split(/: (.*)/).slice(0, 2) as [string, string]));
}

describe("headers", () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startOneProcess();
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  test("of every route, by every method, with and without a token", async () => {
    const api = createApi(stack.url);
    const { accessToken } = await api.register();
    const rest = publicServices.flatMap(bindingsOf).map(({ template }) => template.replace(/\{\w+\}/g, "x"));
    const rpc = publicServices.flatMap((service) =>
      service.methods.map((method) => `/${service.typeName}/${method.name}`),
    );
    const others = ["/healthz", "/readyz", "/.well-known/jwks.json", "/parley.binpb", "/openapi.json"];
    for (const path of [...new Set([...rest, ...rpc, ...others, "/v1/realtime", "/", "/nothing", "/%ff"])]) {
      for (const method of ["GET", "HEAD", "POST", "DELETE", "OPTIONS"]) {
        const headers: Record<string, string> =
          method === "GET" ? { authorization: `Bearer ${accessToken}` } : {};
        const response = await fetch(stack.url + path, { method, headers });
        await response.arrayBuffer();
        expectHeaders(response.headers, `${method} ${path}`);
      }
    }
  });

  test("what is personal is kept by nobody, what is public may be", async () => {
    const cacheControl = async (path: string) =>
      (await fetch(stack.url + path, { method: "HEAD" })).headers.get("cache-control");
    for (const path of ["/v1/users/me", "/healthz", "/nothing"])
      expect(await cacheControl(path)).toBe("no-store");
    for (const path of ["/parley.binpb", "/.well-known/jwks.json", "/openapi.json"])
      expect(await cacheControl(path)).toMatch(/^public/);
  });

  test("of what never became a request, and of refused upgrades", async () => {
    const answers = [
      await rawRequest(stack.url, "NONSENSE / HTTP/1.1\r\n\r\n"),
      await rawRequest(stack.url, `GET / HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(100_000)}\r\n\r\n`),
      await rawRequest(stack.url, "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n"),
      await rawRequest(stack.url, handshake(stack.url, { Origin: "https://evil.example" })),
      await rawRequest(stack.url, handshake(stack.url, { "Sec-WebSocket-Version": "7" })),
      await rawRequest(stack.url, handshake(stack.url, {}, "GET /nothing HTTP/1.1")),
    ];
    for (const answer of answers) {
      expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
      expectHeaders(headersIn(answer), answer.slice(0, 60));
    }
  });
});

describe("proxies", () => {
  const ask = async (url: string, headers: Record<string, string>, path = "/v1/nothing") => {
    const response = await fetch(url + path, { headers });
    await response.arrayBuffer();
    return response;
  };
  const limits = { PARLEY_LIMITS: "on", PARLEY_LIMIT_REQUESTS_PER_ADDRESS: "5/m" };

  test("a stranger's X-Forwarded-* changes nothing: rates, Origin, HSTS", async () => {
    await using stack = await startOneProcess({ env: limits });
    const { host } = new URL(stack.url);
    const statuses = [];
    for (let i = 0; i < 10; i++) {
      const headers = {
        "x-forwarded-for": `203.0.113.${i}`,
        "x-forwarded-proto": "https",
        forwarded: "for=1.1.1.1",
      };
      const response = await ask(stack.url, headers);
      expect(response.headers.has("strict-transport-security")).toBe(false);
      statuses.push(response.status);
    }
    // What no RPC has counts as well.
    expect(statuses.slice(0, 5)).toEqual(Array(5).fill(404));
    expect(statuses.slice(5)).toEqual(Array(5).fill(429));
    const spoofed = { Origin: `https://${host}`, "X-Forwarded-Proto": "https" };
    expect(await rawRequest(stack.url, handshake(stack.url, spoofed))).toContain("ORIGIN_REFUSED");
    expect((await fetch(`${stack.url}/readyz`)).status).toBe(200);
  });

  test("what a trusted one says holds: each client has its rate, an IPv6 network has one", async () => {
    await using stack = await startOneProcess({
      env: { ...limits, PARLEY_TRUSTED_PROXIES: "127.0.0.0/8, 10.0.0.0/8" },
    });
    const statusFor = async (forwarded: string) =>
      (await ask(stack.url, { "x-forwarded-for": forwarded })).status;
    for (let i = 0; i < 10; i++) expect(await statusFor(`198.51.100.${i}`)).toBe(404);
    for (let i = 0; i < 5; i++) expect(await statusFor(`2001:db8::${i}`)).toBe(404);
    expect(await statusFor("2001:db8::ffff:1:2:3")).toBe(429);
    for (let i = 0; i < 5; i++) expect(await statusFor(`203.0.113.${i}, 192.0.2.1, 10.0.0.1`)).toBe(404);
    expect(await statusFor("203.0.113.99, 192.0.2.1")).toBe(429);

    const told = { "x-forwarded-for": "192.0.2.2", "x-forwarded-proto": "https" };
    const { headers } = await ask(stack.url, told, "/healthz");
    expect(headers.get("strict-transport-security")).toMatch(/^max-age=\d{8}$/);
    const upgrade = (origin: string) =>
      new Promise<number>((resolve) => {
        const socket = new WebSocket(`${stack.url.replace("http", "ws")}/v1/realtime`, "parley.v1.json", {
          headers: { ...told, "x-forwarded-host": "chat.example", origin },
        });
        socket.on("error", () => {});
        socket.on("unexpected-response", (_, { statusCode }) => resolve(statusCode ?? 0));
        socket.on("open", () => {
          socket.terminate();
          resolve(101);
        });
      });
    expect(await upgrade("https://chat.example")).toBe(101);
    expect(await upgrade("http://chat.example")).toBe(403);
    expect(await upgrade(stack.url)).toBe(403);
  });
});

test("TLS: HTTPS and wss, 1.2 or later, HSTS, and a new certificate without a restart", async () => {
  const folder = mkdtempSync(join(tmpdir(), "parley-certificates-"));
  const authority = createTestCertificate({ name: "authority", isAuthority: true });
  const files = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem") };
  const renew = (name: string) => {
    const { cert, key } = createTestCertificate({ name, issuer: authority });
    writeFileSync(files.cert, cert);
    writeFileSync(files.key, key);
  };
  renew("the first");
  const port = await freePort();
  const url = `https://127.0.0.1:${port}`;
  const ca = authority.cert;
  const get = (path: string) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      requestHttps(url + path, { ca, agent: false }, (answer) => resolve(answer.resume()))
        .on("error", reject)
        .end();
    });
  const session = (options: object) =>
    new Promise<{ protocol: string | null; name: string | undefined }>((resolve, reject) => {
      const socket = connectTls({ host: "127.0.0.1", port, ca, ...options }, () => {
        const name = socket.getPeerCertificate().subject.CN;
        resolve({ protocol: socket.getProtocol(), name: String(name) });
        socket.destroy();
      }).on("error", reject);
    });

  await using _stack = await startOneProcess({
    url,
    isReady: async () => (await get("/readyz")).statusCode === 200,
    env: { PARLEY_HTTP_PORT: String(port), PARLEY_TLS_CERT_FILE: files.cert, PARLEY_TLS_KEY_FILE: files.key },
  });
  try {
    const { headers } = await get("/healthz");
    expect(headers["strict-transport-security"]).toBe("max-age=31536000");
    expect(await session({ maxVersion: "TLSv1.2" })).toMatchObject({ protocol: "TLSv1.2" });
    expect(await session({})).toMatchObject({ protocol: "TLSv1.3", name: "the first" });
    const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT:@SECLEVEL=0" };
    await expect(session(old)).rejects.toThrow();
    const plain = new Promise((resolve, reject) => {
      requestHttp(`http://127.0.0.1:${port}/healthz`, resolve).on("error", reject).end();
    });
    await expect(plain).rejects.toThrow();
    const socket = new WebSocket(`wss://127.0.0.1:${port}/v1/realtime`, "parley.v1.json", {
      ca,
      origin: url,
    });
    await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
    renew("the second");
    await expect.poll(async () => (await session({})).name, { timeout: 20_000 }).toBe("the second");
    // Who is connected stays.
    expect(socket.readyState).toBe(WebSocket.OPEN);
    socket.terminate();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
