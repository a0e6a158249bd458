import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Stack, topologies } from "../stack.ts";
import { type Api, createApi, ok, type Person, reasonOf, refused } from "./api.ts";
import { handshake, openRaw, rawRequest } from "./raw-socket.ts";

/** HTTP as nobody should speak it: each is answered clearly, and the process serves the next one. */
describe.each(topologies)("abuse of HTTP: $name", ({ start }) => {
  let stack: Stack;
  let api: Api;
  let ada: Person;
  let pid: number;

  beforeAll(async () => {
    stack = await start();
    api = createApi(stack.url);
    ada = await api.register();
    pid = stack.pid;
  });
  afterEach(async () => {
    await ok(ada.get("/v1/users/me"));
    expect(stack.pid).toBe(pid);
    for (const line of stack.output().split("\n"))
      expect(line).not.toMatch(/"level":"?(50|60|error|fatal)"?/);
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  /** The status and reason of an answer's bytes. */
  const refusalOf = (answer: string) => {
    const status = Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
    const body = answer.slice(answer.indexOf("\r\n\r\n") + 4);
    return [status, reasonOf(JSON.parse(body.slice(body.indexOf("{"), body.lastIndexOf("}") + 1)))];
  };
  const request = (line: string, headers: string[] = [], body = "") =>
    `${[line, "Host: x", `Authorization: Bearer ${ada.accessToken}`, "Connection: close", ...headers].join("\r\n")}\r\n\r\n${body}`;

  test("what is no HTTP", async () => {
    const login = "POST /v1/auth/login HTTP/1.1";
    const malformed = [
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "NONSENSE / HTTP/1.1\r\nHost: x\r\n\r\n",
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
      request("GET healthz HTTP/1.1"),
      request("GET /healthz HTTP/1.1", ["X: a\rb"]),
      request("GET /healthz HTTP/1.1", ["X: a\0b"]),
      request("GET /healthz HTTP/1.1", ["X: a\r\n b"]),
      request("GET /healthz HTTP/1.1", ["no colon"]),
      request(login, ["Content-Length: 2", "Content-Length: 3"], "{}"),
      request(login, ["Content-Length: -2"], "{}"),
      request(login, ["Content-Length: 4", "Transfer-Encoding: chunked"], "0\r\n\r\n"),
      request(login, ["Transfer-Encoding: chunked"], "zz\r\n{}\r\n0\r\n\r\n"),
    ];
    for (const bytes of malformed) {
      const answer = await rawRequest(stack.url, bytes);
      expect(refusalOf(answer), bytes).toEqual([400, "INVALID_ARGUMENT"]);
    }
  });

  test("heads and bodies over the limit, announced, chunked or without end", async () => {
    const chunk = `2000\r\n${"x".repeat(0x2000)}\r\n`;
    const login = "POST /v1/auth/login HTTP/1.1";
    const tooLarge = [
      request("GET /healthz HTTP/1.1", [`X: ${"x".repeat(100_000)}`]),
      request(
        "GET /healthz HTTP/1.1",
        Array.from({ length: 2500 }, (_, i) => `x-${i}: 1`),
      ),
      request(`GET /v1/users?query=${"x".repeat(100_000)} HTTP/1.1`),
      request(login, ["Content-Length: 99999999999"]),
      request(login, ["Transfer-Encoding: chunked"], chunk.repeat(17)),
      request(login, ["Transfer-Encoding: chunked"], `${chunk.repeat(17)}0\r\n\r\n`),
    ];
    for (const bytes of tooLarge) {
      const answer = await rawRequest(stack.url, bytes);
      expect(refusalOf(answer), bytes.slice(0, 200)).toEqual([413, "PAYLOAD_TOO_LARGE"]);
    }
    // 1 MB as a path: the connection may be reset before the answer is read.
    const long = await rawRequest(stack.url, request(`GET /${"x".repeat(1 << 20)} HTTP/1.1`));
    if (long !== "") expect(refusalOf(long)).toEqual([413, "PAYLOAD_TOO_LARGE"]);
  });

  test("other methods", async () => {
    for (const method of ["OPTIONS", "TRACE", "PUT", "DELETE"]) {
      const answer = await rawRequest(stack.url, request(`${method} /v1/rooms HTTP/1.1`));
      expect(refusalOf(answer), method).toEqual([405, "METHOD_NOT_ALLOWED"]);
      expect(answer.toLowerCase()).toMatch(/\r\nallow: (get, post|post, get)\r\n/);
    }
    const head = await rawRequest(stack.url, request("HEAD /v1/rooms HTTP/1.1"));
    expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n[^{]*\r\n\r\n$/);
    for (const method of ["PROPFIND", "PURGE", "M-SEARCH"]) {
      expect(await rawRequest(stack.url, request(`${method} /v1/rooms HTTP/1.1`))).toMatch(
        /^HTTP\/1\.1 40[045] /,
      );
    }
  });

  test("an offer of another protocol is not taken up, and harms nothing", async () => {
    for (const upgrade of ["h2c", "TLS/1.0", "websocket2"]) {
      const headers = [`Upgrade: ${upgrade}`, "HTTP2-Settings: AAMAAABkAAQ"];
      const bytes = request("GET /v1/users/me HTTP/1.1", headers).replace(
        "Connection: close",
        "Connection: Upgrade, HTTP2-Settings, close",
      );
      const answer = await rawRequest(stack.url, bytes);
      expect(answer, upgrade).toMatch(/^HTTP\/1\.1 200 OK/);
      expect(answer).toContain(ada.userId);
    }
  });

  test("handshakes that are none", async () => {
    const shake = async (headers: Record<string, string | undefined>, line?: string) =>
      refusalOf(await rawRequest(stack.url, handshake(stack.url, headers, line)));
    const invalid = [400, "INVALID_ARGUMENT"];
    expect(await shake({ "Sec-WebSocket-Version": "12" })).toEqual(invalid);
    expect(await shake({ "Sec-WebSocket-Version": undefined })).toEqual(invalid);
    expect(await shake({ "Sec-WebSocket-Key": "short" })).toEqual(invalid);
    expect(await shake({ "Sec-WebSocket-Key": undefined })).toEqual(invalid);
    expect(await shake({ "Sec-WebSocket-Protocol": undefined })).toEqual(invalid);
    expect(await shake({ "Sec-WebSocket-Protocol": "__proto__, constructor" })).toEqual(invalid);
    expect(await shake({ "Sec-WebSocket-Protocol": "parley.v1.json,, x" })).toEqual(invalid);
    expect(await shake({}, "GET /v1/rooms HTTP/1.1")).toEqual([404, "ROUTE_NOT_FOUND"]);
    expect(await shake({}, "GET / HTTP/1.1")).toEqual([404, "ROUTE_NOT_FOUND"]);
    expect(await shake({}, "POST /v1/realtime HTTP/1.1")).toEqual([405, "METHOD_NOT_ALLOWED"]);
    for (const origin of ["://", "http://evil.example", "null", "http://x\u00e9"]) {
      expect(await shake({ Origin: origin }), origin).toEqual([403, "ORIGIN_REFUSED"]);
    }
    const old = await rawRequest(stack.url, handshake(stack.url, { "Sec-WebSocket-Version": "7" }));
    expect(old.toLowerCase()).toContain("\r\nsec-websocket-version: 13\r\n");
  });

  test("tokens that are none", async () => {
    const [head, body, signature] = ada.accessToken.split(".") as [string, string, string];
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const claims = JSON.parse(Buffer.from(body, "base64url").toString());
    const later = part({ ...claims, exp: claims.exp + 3600 });
    const unsigned = part({ alg: "none", typ: "at+jwt" });
    const symmetric = part({ ...JSON.parse(Buffer.from(head, "base64url").toString()), alg: "HS256" });
    const tokens = [
      "x",
      "..",
      "a.b.c",
      "x".repeat(10_000),
      `${head}.${later}.${signature}`,
      `${head}.${body}.`,
      `${unsigned}.${body}.`,
      `${symmetric}.${body}.${signature}`,
      `${ada.accessToken}.x`,
      ada.refreshToken,
      `${ada.accessToken} ${ada.accessToken}`,
    ];
    for (const token of tokens)
      await refused(api.call("GET", "/v1/users/me", { token }), 401, "UNAUTHENTICATED");
    for (const refreshToken of ["x", "x".repeat(10_000), ada.accessToken, "__proto__"]) {
      const answer = await api.call("POST", "/v1/auth/refresh", { body: { refreshToken } });
      expect([400, 401]).toContain(answer.status);
    }
  });

  test("a refresh storm answers one successor to all, and ends nothing", async () => {
    const person = await api.register();
    const refresh = () =>
      api.call("POST", "/v1/auth/refresh", { body: { refreshToken: person.refreshToken } });
    const answers = await Promise.all(Array.from({ length: 100 }, () => ok(refresh())));
    const successors = new Set(answers.map(({ tokens }) => tokens.refreshToken));
    expect(successors.size).toBe(1);
    await ok(person.get("/v1/users/me"));
  });

  test.runIf(process.platform === "linux")("300 bodies that never come, and others are served", async () => {
    const bytes = "POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{";
    const slow = await Promise.all(
      Array.from({ length: 300 }, async () => {
        const socket = await openRaw(stack.url);
        await socket.write(bytes);
        return socket;
      }),
    );
    await ok(ada.get("/v1/users/me"));
    expect(residentMegabytes(stack.pid)).toBeLessThan(1000);
    for (const socket of slow) socket.drop();
  });
});

function residentMegabytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}
