import { connect as connectTcp } from "node:net";
import { beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import type { RunningStack } from "../stack.ts";
import { type Api, badFields, createApi, ok, type Person, refused, roomOf } from "./api.ts";
import { connect } from "./realtime-client.ts";
import { sharedStack, sharedTopologies } from "./shared-stack.ts";

describe.each(sharedTopologies)("http: $name", (topology) => {
  let stack: RunningStack;
  let api: Api;
  let ada: Person;

  beforeAll(async () => {
    stack = await sharedStack(topology);
    api = createApi(stack.url);
    ada = await api.register();
  });

  test("health", async () => {
    expect((await api.call("GET", "/healthz")).status).toBe(200);
    expect((await api.call("GET", "/readyz")).status).toBe(200);
  });

  test("unknown paths and other methods", async () => {
    await refused(api.call("GET", "/v1/nothing"), 404, "ROUTE_NOT_FOUND");
    await refused(api.call("GET", "/v1/rooms/../../etc/passwd"), 404, "ROUTE_NOT_FOUND");
    await refused(api.call("GET", "/%ff%fe"), 404, "ROUTE_NOT_FOUND");
    await refused(ada.get("/v1/rooms/..%2f..%2fsecret"), 404, "ROOM_NOT_FOUND");
    await refused(api.call("PUT", "/v1/rooms"), 405, "METHOD_NOT_ALLOWED");
    await refused(api.call("POST", "/v1/users/me"), 405, "METHOD_NOT_ALLOWED");
    const room = await roomOf(ada);
    await refused(ada.get(`/v1/rooms/${room}:leave`), 405, "METHOD_NOT_ALLOWED");
    for (const id of ["a:b", ":", "", `${room}:leave`, "%3a%2f", "x".repeat(10_000)])
      await refused(ada.post(`/v1/rooms/${id}:leave`), 404, "ROOM_NOT_FOUND");
    await refused(ada.post(`/v1/rooms/${room}:leaves`), 405, "METHOD_NOT_ALLOWED");
  });

  test("bodies: not JSON, not an object, empty, too large, encoded", async () => {
    const raw = (body: string, headers: Record<string, string> = {}) =>
      api.call("POST", "/v1/auth/login", { body, headers });
    await refused(raw("{nonsense"), 400, "INVALID_ARGUMENT");
    await refused(raw("[]"), 400, "INVALID_ARGUMENT");
    await refused(raw("null"), 400, "INVALID_ARGUMENT");
    expect(await badFields(raw(""))).toEqual(["password", "username"]);
    expect(await badFields(raw("{}", { "content-type": "text/plain" }))).toEqual(["password", "username"]);
    await refused(raw(JSON.stringify({ username: "x".repeat(128 * 1024) })), 413, "PAYLOAD_TOO_LARGE");
    await refused(raw("{}", { "content-encoding": "gzip" }), 400, "INVALID_ARGUMENT");
    await ok(ada.get("/v1/users/me"));
  });

  test("errors are google.rpc.Status", async () => {
    const { body, headers } = await api.call("GET", "/v1/users/me");
    expect(headers.get("content-type")).toMatch("application/json");
    expect(headers.get("www-authenticate")).toBe("Bearer");
    expect(body).toEqual({
      code: 16,
      message: expect.any(String),
      details: [
        {
          "@type": "type.googleapis.com/google.rpc.ErrorInfo",
          reason: "UNAUTHENTICATED",
          domain: "parley",
          metadata: {},
        },
      ],
    });
  });

  test("answers are JSON that nobody keeps", async () => {
    const { headers } = await ada.get("/v1/users/me");
    expect(headers.get("content-type")).toMatch("application/json");
    expect(headers.get("cache-control")).toBe("no-store");
  });

  test("internal services have no path", async () => {
    for (const path of [
      "/parley.internal.v1.MessageInternalService/ReadTimeline",
      "/v1/internal",
      "/v1/admin/keys",
    ]) {
      expect((await api.call("POST", path, { body: {} })).status).toBe(404);
    }
  });

  const upgrade = (headers: Record<string, string>, protocols: string[] = ["parley.v1.json"]) =>
    new Promise<number>((resolve) => {
      const socket = new WebSocket(`${stack.url.replace("http", "ws")}/v1/realtime`, protocols, { headers });
      socket.on("unexpected-response", (_, response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
        socket.terminate();
      });
      socket.on("open", () => {
        resolve(101);
        socket.terminate();
      });
      socket.on("error", () => {});
    });

  test("upgrades need a subprotocol of ours and an origin that may", async () => {
    expect(await upgrade({}, [])).toBe(400);
    expect(await upgrade({}, ["chat"])).toBe(400);
    expect(await upgrade({}, ["chat", "parley.v1.proto"])).toBe(101);
    expect(await upgrade({ origin: "https://evil.example" })).toBe(403);
    expect(await upgrade({ origin: "null" })).toBe(403);
    expect(await upgrade({ origin: stack.url })).toBe(101);
    expect((await api.call("GET", "/v1/realtime")).status).toBe(400);
  });

  test("half requests and resets harm nobody", async () => {
    const { port } = new URL(stack.url);
    await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const socket = connectTcp(Number(port), "127.0.0.1");
        socket.on("error", () => {});
        await new Promise((resolve) => socket.once("connect", resolve));
        socket.write(i % 2 ? "GET /v1/realtime HTTP/1.1\r\nUpgrade: websocket\r\n" : "\0\0garbage\r\n\r\n");
        socket.resetAndDestroy();
      }),
    );
    await ok(ada.get("/v1/users/me"));
    const client = await connect(stack.socketUrl, ada.accessToken);
    client.drop();
  });
});
