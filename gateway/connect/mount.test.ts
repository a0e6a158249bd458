import { type AddressInfo, connect } from "node:net";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import type { FastifyInstance } from "fastify";
import { afterEach, describe, expect, test } from "vitest";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "#gen/google/rpc/error_details_pb.js";
import { RealtimeService, SubscribeResponseSchema } from "#gen/parley/realtime/v1/realtime_service_pb.js";
import { RoomService } from "#gen/parley/room/v1/room_service_pb.js";
import { RateLimitedError, toConnectError } from "../../services/common/errors.ts";
import type { PublicCalls } from "../calls.ts";
import { createOriginReader } from "../http-origin.ts";
import { createTestCalls } from "../test-calls.ts";
import { createTestApp, testClients } from "../test-http-app.ts";
import { mountConnect } from "./mount.ts";

const apps: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

/** Rejects when the caller gives up. */
async function untilAborted(signal: AbortSignal, gone: () => void): Promise<never> {
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  gone();
  throw signal.reason;
}

/** A gateway that listens, over services that say what they were asked. */
async function start(more: Partial<PublicCalls> = {}) {
  const asked: Headers[] = [];
  const waiting = Promise.withResolvers<void>();
  const { promise: gone, resolve } = Promise.withResolvers<void>();
  const transport = createRouterTransport((router) => {
    router.service(RoomService, {
      getRoom({ roomId }, context) {
        asked.push(context.requestHeader);
        return { room: { roomId, name: "Tea" } };
      },
      leaveRoom() {
        throw toConnectError(new RateLimitedError(1500));
      },
      listRooms: (_, { signal }) => {
        waiting.resolve();
        return untilAborted(signal, resolve);
      },
    });
    router.service(RealtimeService, {
      async *subscribe(_, { signal }) {
        signal.addEventListener("abort", () => resolve());
        yield { frame: { kind: { case: "ready", value: { userId: "u" } } } };
        await new Promise((ended) => signal.addEventListener("abort", ended));
      },
    });
  });
  const app = createTestApp();
  apps.push(app);
  const calls = createTestCalls({ transport: () => transport });
  mountConnect(app, {
    services: [RoomService, RealtimeService],
    calls: { ...calls, ...more },
    originOf: createOriginReader(testClients),
  });
  await app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = app.server.address() as AddressInfo;
  return { app, url: `http://127.0.0.1:${port}`, asked, gone, waiting: waiting.promise };
}

const transports = {
  "Connect, JSON": (baseUrl: string) => createConnectTransport({ baseUrl }),
  "Connect, binary": (baseUrl: string) => createConnectTransport({ baseUrl, useBinaryFormat: true }),
  "Connect, reads by GET": (baseUrl: string) => createConnectTransport({ baseUrl, useHttpGet: true }),
  "gRPC-Web": (baseUrl: string) => createGrpcWebTransport({ baseUrl }),
};

async function failure(call: Promise<unknown>): Promise<ConnectError> {
  return call.then(
    () => expect.fail("it should have been refused"),
    (error: unknown) => ConnectError.from(error),
  );
}

describe.each(Object.entries(transports))("%s", (_, transport) => {
  test("token, address and request id reach the service, whatever the client claims", async () => {
    const { url, asked } = await start();
    const headers = { authorization: "Bearer t", "parley-client-address": "6.6.6.6", "x-request-id": "mine" };
    const { room } = await createClient(RoomService, transport(url)).getRoom({ roomId: "r" }, { headers });
    expect(room).toMatchObject({ roomId: "r", name: "Tea" });
    expect(asked[0]?.get("authorization")).toBe("Bearer t");
    expect(asked[0]?.get("parley-client-address")).toBe("127.0.0.1");
    expect(asked[0]?.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("an error keeps its code, details and the time to wait", async () => {
    const { url } = await start();
    const error = await failure(createClient(RoomService, transport(url)).leaveRoom({ roomId: "r" }));
    expect(error.code).toBe(Code.ResourceExhausted);
    expect(error.findDetails(ErrorInfoSchema)[0]?.reason).toBe("RATE_LIMITED");
    expect(error.findDetails(RetryInfoSchema)[0]?.retryDelay).toMatchObject({ seconds: 1n });
  });

  test("a deadline ends the call in the service", async () => {
    const { url, gone } = await start();
    const error = await failure(createClient(RoomService, transport(url)).listRooms({}, { timeoutMs: 100 }));
    expect(error.code).toBe(Code.DeadlineExceeded);
    await gone;
  });

  test("a client that gives up ends the call in the service", async () => {
    const { url, gone, waiting } = await start();
    const abort = new AbortController();
    const call = failure(createClient(RoomService, transport(url)).listRooms({}, { signal: abort.signal }));
    await waiting;
    abort.abort();
    expect((await call).code).toBe(Code.Canceled);
    await gone;
  });

  test("a stream brings what there is at once, and ends in the service when the client leaves", async () => {
    const { url, gone } = await start();
    const abort = new AbortController();
    const frames = createClient(RealtimeService, transport(url)).subscribe({}, { signal: abort.signal });
    const { value } = await frames[Symbol.asyncIterator]().next();
    expect(value?.frame?.kind.case).toBe("ready");
    abort.abort();
    await gone;
  });

  test("a message above 128 KiB is PAYLOAD_TOO_LARGE", async () => {
    const { url } = await start();
    const name = "x".repeat(140_000);
    const error = await failure(createClient(RoomService, transport(url)).updateRoom({ roomId: "r", name }));
    expect(error.code).toBe(Code.ResourceExhausted);
    expect(error.findDetails(ErrorInfoSchema)[0]?.reason).toBe("PAYLOAD_TOO_LARGE");
  });
});

test("a stream is left by a client that is gone before its first item is written", async () => {
  const begun = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  async function* endless() {
    begun.resolve();
    try {
      await gone.promise;
      for (;;) yield create(SubscribeResponseSchema);
    } finally {
      left.resolve();
    }
  }
  const { app, url } = await start({ stream: async () => endless() });
  app.server.once("connection", (socket) => socket.once("end", gone.resolve));
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.write(
    "POST /parley.realtime.v1.RealtimeService/Subscribe HTTP/1.1\r\nhost: x\r\n" +
      "content-type: application/connect+json\r\ncontent-length: 7\r\n\r\n\0\0\0\0\x02{}",
  );
  await begun.promise;
  socket.end();
  await left.promise;
});

describe("what no client of the library sends", () => {
  const json = { "content-type": "application/json" };

  async function post(headers: Record<string, string>, body: string | Uint8Array): Promise<Response> {
    const { url } = await start();
    return fetch(`${url}/parley.room.v1.RoomService/GetRoom`, { method: "POST", headers, body });
  }

  async function fieldsOf(response: Response): Promise<string[] | undefined> {
    const { code, details } = (await response.json()) as {
      code: string;
      details: { type: string; value: string }[];
    };
    expect([response.status, code]).toEqual([400, "invalid_argument"]);
    const error = new ConnectError("", Code.InvalidArgument);
    error.details = details.map(({ type, value }) => ({ type, value: Buffer.from(value, "base64") }));
    expect(error.findDetails(ErrorInfoSchema)[0]?.reason).toBe("INVALID_ARGUMENT");
    return error.findDetails(BadRequestSchema)[0]?.fieldViolations.map(({ field }) => field);
  }

  test.each([
    ["a value of another type", json, '{"roomId":7}', "room_id"],
    ["no JSON", json, "{", ""],
    ["no UTF-8", json, Buffer.from([0x7b, 0xff, 0x7d]), ""],
    ["no Protobuf", { "content-type": "application/proto" }, Buffer.from([0x0a, 0x09, 0x01]), ""],
    ["compression", { ...json, "content-encoding": "gzip" }, "{}", ""],
    ["a time-out that is none", { ...json, "connect-timeout-ms": "soon" }, "{}", "connect-timeout-ms"],
  ])("%s is refused with the field named", async (_, headers, body, field) => {
    expect(await fieldsOf(await post(headers, body))).toEqual([field]);
  });

  test.each([
    ["Connect", { ...json, "connect-timeout-ms": "9999999999" }, "{}"],
    [
      "gRPC-Web",
      { "content-type": "application/grpc-web+proto", "grpc-timeout": "99999999H" },
      new Uint8Array(5),
    ],
  ])("a time-out longer than timers count is none: %s", async (_, headers, body) => {
    const response = await post(headers, body);
    expect(response.status).toBe(200);
    expect(await response.text()).toContain("Tea");
  });

  test("another content type is 415, another verb 405 with what is allowed", async () => {
    expect((await post({ "content-type": "text/plain" }, "{}")).status).toBe(415);
    const { url } = await start();
    const put = await fetch(`${url}/parley.room.v1.RoomService/LeaveRoom`, { method: "PUT", headers: json });
    expect([put.status, put.headers.get("allow")]).toEqual([405, "POST"]);
  });

  test("answers that are somebody's are kept by no cache", async () => {
    const { url } = await start();
    const query = new URLSearchParams({ connect: "v1", encoding: "json", message: "{}" });
    const response = await fetch(`${url}/parley.room.v1.RoomService/GetRoom?${query}`);
    expect(response.status).toBe(200);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("vary")).toBe("origin, authorization");
  });
});
