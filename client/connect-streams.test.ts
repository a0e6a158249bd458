import { create, toBinary } from "@bufbuild/protobuf";
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  RealtimeService,
  type SubscribeResponse,
  SubscribeResponseSchema,
} from "#gen/parley/realtime/v1/realtime_service_pb.js";
import { Code } from "./code.ts";
import { createCaller, createClient } from "./connect-protocol.ts";
import { type Answer, errorJson, serve } from "./test-connect-server.ts";

afterEach(() => void vi.unstubAllGlobals());

function enveloped(flags: number, content: Uint8Array | string): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags);
  head.writeUInt32BE(content.length, 1);
  return Buffer.concat([head, Buffer.from(content)]);
}

const frame = (ref: string) =>
  enveloped(0, toBinary(SubscribeResponseSchema, create(SubscribeResponseSchema, { frame: { ref } })));
const end = (trailer: unknown = {}) => enveloped(2, JSON.stringify(trailer));

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
