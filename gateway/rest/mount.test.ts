import { createRouterTransport } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { MessageService } from "#gen/parley/message/v1/message_service_pb.js";
import { RoomService } from "#gen/parley/room/v1/room_service_pb.js";
import { UserService } from "#gen/parley/user/v1/user_service_pb.js";
import { toConnectError } from "../../services/common/errors.ts";
import { RoomNotFoundError } from "../errors.ts";
import { createOriginReader } from "../http-origin.ts";
import { publicServices } from "../services.ts";
import { createTestCalls } from "../test-calls.ts";
import { createTestApp, testClients } from "../test-http-app.ts";
import { bindingsOf } from "./bindings.ts";
import { mountRest } from "./mount.ts";

/** Rejects when the caller gives up. */
async function untilAborted(signal: AbortSignal, gone: () => void): Promise<never> {
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  gone();
  throw signal.reason;
}

/** An app whose services say what they were asked. */
function createApp() {
  const waiting = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  const asked: { method: string; request: Record<string, unknown>; token: string | null }[] = [];
  const note = (method: string) => (request: object, context: { requestHeader: Headers }) => {
    asked.push({
      method,
      request: request as Record<string, unknown>,
      token: context.requestHeader.get("authorization"),
    });
    return {};
  };
  const transport = createRouterTransport((router) => {
    router.service(MessageService, {
      sendMessage: note("sendMessage"),
      listTimeline: note("listTimeline"),
      removeReaction: note("removeReaction"),
      markRead: note("markRead"),
      getMessage() {
        throw toConnectError(new RoomNotFoundError());
      },
    });
    router.service(RoomService, { leaveRoom: note("leaveRoom"), getRoom: note("getRoom") });
    router.service(UserService, {
      getMe: note("getMe"),
      getUser: note("getUser"),
      batchGetUsers: note("batchGetUsers"),
      searchUsers: (_, { signal }) => {
        waiting.resolve();
        return untilAborted(signal, gone.resolve);
      },
    });
  });
  const app = createTestApp();
  mountRest(app, {
    services: publicServices,
    originOf: createOriginReader(testClients),
    calls: createTestCalls({ transport: () => transport }, { requestTimeoutMs: 1000 }),
  });
  return { app, asked, waiting: waiting.promise, gone: gone.promise };
}

test("every binding of the public services can be mounted", async () => {
  const { app } = createApp();
  await app.ready();
  const all = publicServices.flatMap(bindingsOf);
  expect(new Set(all.map(({ verb, route }) => `${verb} ${route}`)).size).toBe(all.length);
});

test("a client that hangs up ends the call in the service", async () => {
  const { app, waiting, gone } = createApp();
  try {
    const url = await app.listen({ host: "127.0.0.1", port: 0 });
    const abort = new AbortController();
    const answer = fetch(`${url}/v1/users?query=ada`, { signal: abort.signal });
    await waiting;
    abort.abort();
    await expect(answer).rejects.toThrow();
    await gone;
  } finally {
    await app.close();
  }
});

test("a call that takes too long is given up, in the service as well", async () => {
  const { app, gone } = createApp();
  const response = await app.inject({ url: "/v1/users?query=ada" });
  await gone;
  expect([response.statusCode, response.json().details[0].reason]).toEqual([504, "DEADLINE_EXCEEDED"]);
});

test("path, body and token reach the service; the path wins over the body", async () => {
  const { app, asked } = createApp();
  const response = await app.inject({
    method: "POST",
    url: "/v1/rooms/r1/messages",
    headers: { authorization: "Bearer t" },
    payload: { clientId: "c", text: "hi 👋", replyToSeq: "4", roomId: "other", room_id: "other", unknown: 1 },
  });
  expect(response.statusCode).toBe(200);
  expect(response.json()).toEqual({ replayed: false });
  expect(asked).toMatchObject([
    {
      method: "sendMessage",
      token: "Bearer t",
      request: { roomId: "r1", clientId: "c", text: "hi 👋", replyToSeq: 4n },
    },
  ]);
});

test("a verb behind a colon is told from the id before it", async () => {
  const { app, asked } = createApp();
  await app.inject({ method: "POST", url: "/v1/rooms/r1:leave" });
  await app.inject({ method: "POST", url: "/v1/rooms/r1:markRead", payload: { seq: 3 } });
  await app.inject({ method: "POST", url: "/v1/users:batchGet", payload: { userIds: ["a", "b"] } });
  await app.inject({ method: "GET", url: "/v1/users/me" });
  await app.inject({ method: "GET", url: "/v1/users/me2" });
  expect(asked).toMatchObject([
    { method: "leaveRoom", request: { roomId: "r1" } },
    { method: "markRead", request: { roomId: "r1", seq: 3n } },
    { method: "batchGetUsers", request: { userIds: ["a", "b"] } },
    { method: "getMe" },
    { method: "getUser", request: { userId: "me2" } },
  ]);
});

test("the path is decoded: an emoji, an id with any characters", async () => {
  const { app, asked } = createApp();
  const emoji = encodeURIComponent("👩‍👩‍👧");
  await app.inject({ method: "DELETE", url: `/v1/rooms/a%20b/messages/7/reactions/${emoji}` });
  expect(asked).toMatchObject([{ request: { roomId: "a b", seq: 7n, emoji: "👩‍👩‍👧" } }]);
});

test("in the query an empty value is an absent one, zero is not", async () => {
  const { app, asked } = createApp();
  await app.inject({ method: "GET", url: "/v1/rooms/r/timeline?afterSeq=0&beforeSeq=&pageSize=20&x=1" });
  const { request } = asked[0] ?? {};
  expect(request).toMatchObject({ roomId: "r", afterSeq: 0n, pageSize: 20 });
  expect(request?.beforeSeq).toBeUndefined();
});

test.each([
  ["POST", "/v1/rooms/r/messages", "{", undefined],
  ["POST", "/v1/rooms/r/messages", "[]", undefined],
  ["POST", "/v1/rooms/r/messages", '{"text":1}', "text"],
  ["PATCH", "/v1/rooms/r/messages/x1", '{"text":"t"}', "seq"],
  ["PATCH", "/v1/rooms/r/members/u", '{"role":1.5}', "role"],
  ["POST", "/v1/rooms/r/invitations", '{"expiresIn":"soon"}', "expires_in"],
  ["POST", "/v1/rooms/r/invitations", '{"expiresIn":"1.0000000001s"}', "expires_in"],
  ["GET", "/v1/rooms/r/timeline?afterSeq=1&afterSeq=2", undefined, "after_seq"],
  ["GET", "/v1/rooms/r/timeline?afterSeq=abc", undefined, "after_seq"],
] as const)("%s %s %s is refused with what is wrong", async (method, url, payload, field) => {
  const { app } = createApp();
  const response = await app.inject({
    method,
    url,
    ...(payload === undefined ? {} : { payload, headers: { "content-type": "application/json" } }),
  });
  expect(response.statusCode).toBe(400);
  expect(response.json()).toMatchObject({ code: 3, details: [{ reason: "INVALID_ARGUMENT" }, {}] });
  if (field) expect(response.json().details[1].fieldViolations).toMatchObject([{ field }]);
});

test("an error of the service keeps its reason", async () => {
  const { app } = createApp();
  const response = await app.inject({ method: "GET", url: "/v1/rooms/r/messages/1" });
  expect(response.statusCode).toBe(404);
  expect(response.json()).toMatchObject({
    code: 5,
    details: [{ reason: "ROOM_NOT_FOUND", domain: "parley" }],
  });
});

test("other verbs and other paths say so", async () => {
  const { app } = createApp();
  const verb = await app.inject({ method: "PUT", url: "/v1/rooms/r" });
  expect([verb.statusCode, verb.headers.allow]).toEqual([405, "GET, PATCH, DELETE"]);
  expect(verb.json().details[0].reason).toBe("METHOD_NOT_ALLOWED");
  const odd = await app.inject({ method: "PROPFIND" as "GET", url: "/v1/users/me" });
  expect([odd.statusCode, odd.headers.allow]).toEqual([405, "GET, HEAD, PATCH"]);
  for (const url of ["/v1/nothing", "/v1/rooms/a/b/c/d", "/v1/rooms/%zz"]) {
    const path = await app.inject({ method: "GET", url });
    expect([path.statusCode, path.json().details[0].reason]).toEqual([404, "ROUTE_NOT_FOUND"]);
  }
});

test("what is refused for its path or verb may have any body", async () => {
  const { app } = createApp();
  const body = { headers: { "content-type": "application/grpc-web+proto" }, payload: Buffer.alloc(5) };
  const path = await app.inject({ method: "POST", url: "/parley.room.v1.RoomService/Nothing", ...body });
  expect([path.statusCode, path.json().details[0].reason]).toEqual([404, "ROUTE_NOT_FOUND"]);
  const verb = await app.inject({ method: "PUT", url: "/v1/rooms/r", ...body });
  expect([verb.statusCode, verb.json().details[0].reason]).toEqual([405, "METHOD_NOT_ALLOWED"]);
});

test("bodies that are too large or encoded are refused", async () => {
  const { app } = createApp();
  const url = "/v1/rooms/r/messages";
  const large = await app.inject({ method: "POST", url, payload: { text: "x".repeat(140 * 1024) } });
  expect([large.statusCode, large.json().details[0].reason]).toEqual([413, "PAYLOAD_TOO_LARGE"]);
  const encoded = await app.inject({
    method: "POST",
    url,
    headers: { "content-encoding": "gzip", "content-type": "application/json" },
    payload: "x",
  });
  expect(encoded.statusCode).toBe(400);
});
