import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { handshake, openRaw, rawRequest } from "../conformance/raw-socket.ts";
import { refusalIn, startTarget, type Target } from "./target.ts";

/** HTTP that two readers could understand differently, and paths that mean something else. */
describe("shapes of requests", { timeout: 60_000 }, () => {
  let target: Target;
  beforeAll(async () => {
    target = await startTarget();
  });
  afterAll(() => target[Symbol.asyncDispose]());

  /** How many answers came. */
  const answersIn = (received: string) => received.split("HTTP/1.1 ").length - 1;
  /** What a front end that read otherwise would have smuggled in. */
  const hidden = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

  test.each([
    ["two lengths", "Content-Length: 0\r\nContent-Length: 37"],
    ["a list of lengths", "Content-Length: 0, 37"],
    ["length and chunks", "Content-Length: 4\r\nTransfer-Encoding: chunked"],
    ["chunks and length", "Transfer-Encoding: chunked\r\nContent-Length: 4"],
    ["a space before the colon", "Content-Length : 37"],
    ["a length with a sign", "Content-Length: +37"],
    ["a length in another base", "Content-Length: 0x25"],
    ["a length in parts", "Content-Length: 3 7"],
    ["chunked is not the last", "Transfer-Encoding: chunked, identity"],
    ["an unknown coding", "Transfer-Encoding: xchunked"],
    ["chunked by a folded line", "Transfer-Encoding:\r\n chunked"],
    ["chunked behind a vertical tab", "Transfer-Encoding: \x0bchunked"],
    ["a bare line feed", "X: y\nTransfer-Encoding: chunked"],
    ["a bare carriage return", "X: y\rTransfer-Encoding: chunked"],
    ["a NUL", "X: y\0"],
    ["two hosts", "Host: evil.example"],
  ])("%s: refused, and nothing behind it is read", async (_, headers) => {
    const bytes = `POST /v1/auth/login HTTP/1.1\r\nHost: x\r\n${headers}\r\n\r\n0\r\n\r\n${hidden}`;
    const received = await target.survives(() => rawRequest(target.stack.url, bytes));
    expect(refusalIn(received)[0]).toBe(400);
    expect(received).not.toContain('"status":"ok"');
  });

  test.each([
    ["no size", "\r\nx\r\n0\r\n\r\n"],
    ["a size that is none", "zz\r\n{}\r\n0\r\n\r\n"],
    ["a negative size", "-1\r\n{}\r\n0\r\n\r\n"],
    ["a size beyond 64 bits", "fffffffffffffffff\r\n{}\r\n0\r\n\r\n"],
    ["a chunk longer than its size", "1\r\n{}\r\n0\r\n\r\n"],
    ["extensions without end", `2;${"x".repeat(200_000)}\r\n{}\r\n0\r\n\r\n`],
    ["trailers without end", `2\r\n{}\r\n0\r\n${"x: y\r\n".repeat(50_000)}\r\n`],
  ])("chunks with %s", async (_, body) => {
    const bytes = `POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;
    const received = await target.survives(() => rawRequest(target.stack.url, bytes));
    // Some are noticed only once the answer is under way, or cut the connection while it is written.
    if (received !== "") expect([400, 413]).toContain(refusalIn(received)[0]);
    expect(answersIn(received)).toBeLessThanOrEqual(1);
  });

  test("no host, and what is not expected", async () => {
    const noHost = await rawRequest(target.stack.url, "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n");
    expect(refusalIn(noHost)).toEqual([400, "INVALID_ARGUMENT"]);
    const bytes = `${hidden.slice(0, -2)}Expect: the-unexpected\r\nConnection: close\r\n\r\n`;
    const expectation = await rawRequest(target.stack.url, bytes);
    expect(refusalIn(expectation)).toEqual([400, "INVALID_ARGUMENT"]);
    for (const answer of [noHost, expectation])
      expect(answer.toLowerCase()).toContain("\r\nx-content-type-options: nosniff\r\n");
  });

  test("some pipelined requests are answered in order, a flood is cut", async () => {
    const last = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    const some = await rawRequest(target.stack.url, hidden.repeat(30) + last);
    expect(answersIn(some)).toBe(31);
    const received = await target.survives(() =>
      Promise.all(Array.from({ length: 50 }, () => rawRequest(target.stack.url, hidden.repeat(5000)))),
    );
    for (const answers of received) expect(answersIn(answers)).toBeLessThanOrEqual(64);
  });

  test("paths that mean another", async () => {
    const { ada } = target;
    const raw = async (path: string) => {
      const head = `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ada.accessToken}\r\n`;
      return refusalIn(await rawRequest(target.stack.url, `${head}Connection: close\r\n\r\n`));
    };
    await target.survives(async () => {
      for (const path of [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%5c..%5cetc",
        "/docs/../package.json",
        "/docs/%2e%2e/%2e%2e/package.json",
        "/docs/..%2f..%2fpackage.json",
        "/docs/%252e%252e%252fpackage.json",
        "/docs/....//package.json",
        "//healthz",
        "/healthz/",
        "/healthz%00",
        "/HEALTHZ",
        "/v1/rooms;x=1",
        "/v1//rooms",
        "/v1/./rooms",
        "/v1/rooms%2f",
        "/%",
        "/%c0%ae%c0%ae/",
        "/parley.internal.v1.AuthInternalService/GetKeySet",
        "/parley.auth.v1.AuthService/../../healthz",
      ])
        expect(await raw(path), path).toEqual([404, "ROUTE_NOT_FOUND"]);
      for (const id of [
        "%2e%2e",
        "%2e%2e%2f%2e%2e%2fusers%2fme",
        "%25%32%65",
        "x".repeat(14_000),
        "%E0%A4%A9".repeat(1000),
        "'%20or%201=1--",
        "%0d%0aSet-Cookie:%20a=b",
      ])
        expect(await raw(`/v1/rooms/${id}`), id).toEqual([404, "ROOM_NOT_FOUND"]);
      expect(await raw("/v1/rooms/%00")).toEqual([400, "INVALID_ARGUMENT"]);
      // The absolute form names what to a proxy it would: it is a path here, never fetched.
      const absolute = await raw("http://127.0.0.1:1/healthz");
      expect([200, 404]).toContain(absolute[0]);
    });
  });

  test("upgrades of other origins", async () => {
    const { host, port } = new URL(target.stack.url);
    const refusal = async (origin: string) =>
      refusalIn(await rawRequest(target.stack.url, handshake(target.stack.url, { Origin: origin })));
    await target.survives(async () => {
      for (const origin of [
        "null",
        "",
        "http://127.0.0.1",
        `http://127.0.0.1:${Number(port) + 1}`,
        `https://${host}`,
        `ws://${host}`,
        `http://${host}.evil.example`,
        `http://${host}@evil.example`,
        `http://evil.example/${host}`,
        `http://evil${host}`,
        `http://localhost:${port}`,
        `HTTP://${host}`,
        `http://${host}/`,
        `http://${host}, http://evil.example`,
        `http://evil.example\r\nOrigin: http://${host}`,
        `http://${host}\r\nOrigin: http://evil.example`,
        `http://${host}\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.example\r\nOrigin: https://evil.example`,
      ])
        expect(await refusal(origin), origin).toEqual([403, "ORIGIN_REFUSED"]);
    });
    const own = await openRaw(target.stack.url);
    void own.write(handshake(target.stack.url, { Origin: `http://${host}` }));
    await own.until("101 Switching");
    own.drop();
  });
});
