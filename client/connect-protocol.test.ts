import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterEach, describe, expect, test, vi } from "vitest";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.js";
import {
  RealtimeService,
  type SubscribeResponse,
  SubscribeResponseSchema,
} from "#gen/parley/realtime/v1/realtime_service_pb.js";
import { UserSchema } from "#gen/parley/user/v1/user_pb.js";
import { GetUserResponseSchema, UserService } from "#gen/parley/user/v1/user_service_pb.js";
import { withTypedErrors } from "./calls.ts";
import { Code } from "./code.ts";
import { createCaller, createClient } from "./connect-protocol.ts";

type Answer = (response: ServerResponse, request: IncomingMessage) => unknown;

const closing: (() => void)[] = [];
afterEach(() => {
  vi.unstubAllGlobals();
  for (const close of closing.splice(0)) close();
});

/** A server on this machine that answers every call so. */
async function serve(answer: Answer) {
  const server = createServer((request, response) => void answer(response, request));
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const call = withTypedErrors(createCaller(url));
  return { users: createClient(UserService, call), realtime: createClient(RealtimeService, call) };
}

const ada = toBinary(
  GetUserResponseSchema,
  create(GetUserResponseSchema, { user: create(UserSchema, { userId: "1", username: "ada" }) }),
);

function enveloped(flags: number, content: Uint8Array | string): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags);
  head.writeUInt32BE(content.length, 1);
  return Buffer.concat([head, Buffer.from(content)]);
}

const frame = (ref: string) =>
  enveloped(0, toBinary(SubscribeResponseSchema, create(SubscribeResponseSchema, { frame: { ref } })));
const end = (trailer: unknown = {}) => enveloped(2, JSON.stringify(trailer));

/** As Connect has an error with a reason: base64 without its padding. */
function errorJson(code: string, reason: string) {
  const value = Buffer.from(toBinary(ErrorInfoSchema, create(ErrorInfoSchema, { reason }))).toString(
    "base64",
  );
  const details = [{ type: ErrorInfoSchema.typeName, value: value.replaceAll("=", "") }];
  return { code, message: "no", details };
}

function streaming(...chunks: Uint8Array[]): Answer {
  return (response) => {
    response.writeHead(200, { "content-type": "application/connect+proto" });
    for (const chunk of chunks) response.write(chunk);
    response.end();
  };
}

/** What a stream says until it ends, and how it does. */
async function read(frames: AsyncIterable<SubscribeResponse>) {
  const refs: (string | undefined)[] = [];
  try {
    for await (const { frame } of frames) refs.push(frame?.ref);
  } catch (error) {
    return { refs, error };
  }
  return { refs };
}

describe("a call", () => {
  test("is sent as Connect has it, and its answer read", async () => {
    let asked: IncomingMessage | undefined;
    const { users } = await serve((response, request) => {
      asked = request;
      response.writeHead(200, { "content-type": "application/proto" }).end(ada);
    });
    const answer = await users.getUser({ userId: "1" }, { headers: { "x-one": "1" }, timeoutMs: 4_999.5 });
    expect(answer.user?.username).toBe("ada");
    expect(asked?.url).toBe("/parley.user.v1.UserService/GetUser");
    expect(asked?.headers).toMatchObject({
      "content-type": "application/proto",
      "connect-protocol-version": "1",
      "connect-timeout-ms": "5000",
      "x-one": "1",
    });
  });

  test("fails with the reason that the server says", async () => {
    const { users } = await serve((response) => {
      response.writeHead(404, { "content-type": "application/json" });
      response.end(JSON.stringify(errorJson("not_found", "USER_NOT_FOUND")));
    });
    await expect(users.getUser({ userId: "1" })).rejects.toMatchObject({
      reason: "USER_NOT_FOUND",
      code: Code.NotFound,
      message: "no",
    });
  });

  const unreachable: Record<string, Answer> = {
    "a page of a proxy's, as if all were well": (response) =>
      response.writeHead(200, { "content-type": "text/html" }).end("<h1>Log in to the hotel</h1>"),
    "a proxy that wants a password": (response) =>
      response.writeHead(401, { "content-type": "text/html" }).end("<h1>Who are you?</h1>"),
    "a refusal without a reason": (response) =>
      response.writeHead(401, { "content-type": "application/json" }).end('{"code":"unauthenticated"}'),
    "JSON that is no error": (response) =>
      response.writeHead(502, { "content-type": "application/json" }).end("null"),
    "an error whose details are none": (response) =>
      response
        .writeHead(403, { "content-type": "application/json" })
        .end('{"code":"permission_denied","details":[{"type":"google.rpc.ErrorInfo","value":"%"}]}'),
    "bytes that are no message": (response) =>
      response.writeHead(200, { "content-type": "application/proto" }).end(ada.subarray(0, -3)),
    "a body that is cut off": (response) => {
      response.writeHead(200, { "content-type": "application/proto", "content-length": ada.length });
      response.write(ada.subarray(0, 3), () => response.destroy());
    },
    "an error that is cut off": (response) => {
      response.writeHead(503, { "content-type": "application/json", "content-length": 100 });
      response.write("{", () => response.destroy());
    },
    "no answer at all": (response) => response.destroy(),
  };
  for (const [name, answer] of Object.entries(unreachable)) {
    test(`finds the server unreachable at ${name}`, async () => {
      const { users } = await serve(answer);
      const asking = users.getUser({ userId: "1" });
      await expect(asking).rejects.toMatchObject({ reason: "UNAVAILABLE", code: Code.Unavailable });
    });
  }

  test("for which no time is left fails for that", async () => {
    const { users } = await serve((response) => response.flushHeaders());
    const late = users.getUser({ userId: "1" }, { timeoutMs: -0.5 });
    await expect(late).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
  });

  test("that takes too long, or that nobody waits for any more, ends", async () => {
    const ending = new AbortController();
    const { users } = await serve((response, request) => {
      if (!request.headers["connect-timeout-ms"]) ending.abort();
      response.flushHeaders();
    });
    const late = users.getUser({ userId: "1" }, { timeoutMs: 20, signal: new AbortController().signal });
    await expect(late).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
    const left = users.getUser({ userId: "1" }, { signal: ending.signal });
    await expect(left).rejects.toMatchObject({ reason: "CANCELLED" });
  });
});

describe("a stream", () => {
  test("is read whole, though it comes byte by byte", async () => {
    const all = Buffer.concat([frame("a"), enveloped(0, ""), frame("b"), end()]);
    // A network would put bytes together as it likes.
    const body = new ReadableStream({
      start(controller) {
        for (const byte of all) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    const headers = { "content-type": "application/connect+proto" };
    vi.stubGlobal("fetch", async () => new Response(body, { headers }));
    const realtime = createClient(RealtimeService, createCaller("http://parley.example"));
    expect(await read(realtime.subscribe({}))).toEqual({ refs: ["a", undefined, "b"] });
  });

  test("is read whole, though all of it comes at once", async () => {
    const { realtime } = await serve(streaming(Buffer.concat([frame("a"), frame("b"), end()])));
    expect(await read(realtime.subscribe({}))).toEqual({ refs: ["a", "b"] });
  });

  test("asks in an envelope", async () => {
    let body = Buffer.alloc(0);
    const { realtime } = await serve(async (response, request) => {
      for await (const chunk of request) body = Buffer.concat([body, chunk]);
      streaming(end())(response, request);
    });
    await read(realtime.subscribe({ epoch: "one" }));
    expect(body.readUInt8()).toBe(0);
    expect(body.readUInt32BE(1)).toBe(body.length - 5);
    expect(body.toString()).toContain("one");
  });

  test("ends with the error of its last envelope", async () => {
    const trailer = end({ error: errorJson("unauthenticated", "TOKEN_EXPIRED") });
    const { realtime } = await serve(streaming(frame("a"), trailer));
    expect(await read(realtime.subscribe({}))).toMatchObject({
      refs: ["a"],
      error: { reason: "TOKEN_EXPIRED", code: Code.Unauthenticated, message: "no" },
    });
  });

  const cutOff: Record<string, Answer> = {
    "ends without a last envelope": streaming(frame("a")),
    "ends in the middle of one": streaming(frame("a"), end().subarray(0, -1)),
    "ends in what can't be read": streaming(frame("a"), enveloped(2, "<html>")),
    "is torn": (response) => {
      response.writeHead(200, { "content-type": "application/connect+proto" });
      response.write(Buffer.concat([frame("a"), frame("b").subarray(0, 6)]), () => response.destroy());
    },
  };
  for (const [name, answer] of Object.entries(cutOff)) {
    test(`that ${name} is no whole one`, async () => {
      const { realtime } = await serve(answer);
      expect(await read(realtime.subscribe({}))).toMatchObject({
        error: { name: "ParleyError", reason: "UNAVAILABLE" },
      });
    });
  }

  test("isn't made of a page, nor of a call's answer", async () => {
    for (const type of ["text/html", "application/proto"]) {
      const { realtime } = await serve((response) =>
        response.writeHead(200, { "content-type": type }).end(frame("a")),
      );
      expect(await read(realtime.subscribe({}))).toMatchObject({
        refs: [],
        error: { reason: "UNAVAILABLE" },
      });
    }
  });

  /** A stream that goes on, and whether its other end is still there. */
  async function endless() {
    const state = { isLeft: false };
    const stream = await serve((response) => {
      response.on("close", () => {
        state.isLeft = true;
      });
      response.writeHead(200, { "content-type": "application/connect+proto" });
      response.write(frame("a"));
    });
    return { ...stream, state };
  }

  test("ends with its signal, for the server too", async () => {
    const { realtime, state } = await endless();
    const ending = new AbortController();
    const frames = realtime.subscribe({}, { signal: ending.signal })[Symbol.asyncIterator]();
    expect((await frames.next()).value?.frame?.ref).toBe("a");
    const next = frames.next();
    ending.abort();
    await expect(next).rejects.toMatchObject({ reason: "CANCELLED", code: Code.Canceled });
    await expect.poll(() => state.isLeft).toBe(true);
  });

  test("is ended by who leaves it early", async () => {
    const { realtime, state } = await endless();
    for await (const { frame } of realtime.subscribe({})) {
      expect(frame?.ref).toBe("a");
      break;
    }
    await expect.poll(() => state.isLeft).toBe(true);
  });
});
