import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { roomOf, send } from "../conformance/api.ts";
import { callHeaders, flags, frame, frameTypes, literal, openHttp2 } from "./http2-frames.ts";
import { startTarget, type Target } from "./target.ts";

const { headers, data, rstStream, settings, ping, windowUpdate, continuation } = frameTypes;
const { endHeaders, endStream } = flags;

/** The gRPC port under what HTTP/2 makes cheap for the client. Each flood ends by itself, or the server ends it. */
describe("HTTP/2", { timeout: 120_000 }, () => {
  let target: Target;
  beforeAll(async () => {
    target = await startTarget();
  });
  afterAll(() => target[Symbol.asyncDispose]());

  const getMe = "/parley.user.v1.UserService/GetMe";
  const empty = Buffer.alloc(5);
  const u32 = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };

  /** A flood on several connections at once: so many rounds of frames on each, as long as it is open. */
  async function flood(connections: number, rounds: number, frames: (round: number) => Uint8Array[]) {
    await target.survives(async () => {
      const attack = async () => {
        const socket = await openHttp2(target.stack.grpcUrl);
        let isOpen = true;
        void socket.ended.then(() => {
          isOpen = false;
        });
        for (let round = 0; isOpen && round < rounds; round++) await socket.write(...frames(round));
        socket.drop();
      };
      await Promise.all(Array.from({ length: connections }, attack));
    });
  }

  test("rapid reset: calls begun and taken back", async () => {
    const block = callHeaders(getMe, target.ada.accessToken);
    await flood(5, 40, (round) =>
      Array.from({ length: 100 }, (_, i) => {
        const stream = 1 + 2 * (round * 100 + i);
        return Buffer.concat([
          frame(headers, endHeaders, stream, block),
          frame(data, endStream, stream, empty),
          frame(rstStream, 0, stream, u32(8)),
        ]);
      }),
    );
  });

  test("a head that goes on and on in continuations", async () => {
    const more = literal(`x-${"a".repeat(50)}`, "b".repeat(16_000));
    await flood(10, 500, (round) => [
      round === 0
        ? frame(headers, 0, 1, callHeaders(getMe))
        : frame(continuation, 0, 1, round % 2 ? more : Buffer.alloc(0)),
    ]);
  });

  test("more headers than anybody needs", async () => {
    const block = Buffer.concat([
      callHeaders(getMe),
      ...Array.from({ length: 300 }, (_, i) => literal(`x-${i}`, "v".repeat(40))),
    ]);
    await flood(10, 200, (round) => [frame(headers, endHeaders | endStream, 1 + 2 * round, block)]);
  });

  test("floods of settings and pings", async () => {
    await flood(5, 200, () => Array(200).fill(frame(settings, 0, 0)));
    await flood(5, 200, () => Array(200).fill(frame(ping, 0, 0, Buffer.alloc(8))));
  });

  test("floods of empty data and of windows by the byte", async () => {
    const begin = frame(headers, endHeaders, 1, callHeaders(getMe, target.ada.accessToken));
    await flood(5, 200, (round) => (round === 0 ? [begin] : Array(200).fill(frame(data, 0, 1))));
    await flood(5, 200, (round) =>
      round === 0 ? [begin] : Array(200).fill(frame(windowUpdate, 0, 1, u32(1))),
    );
  });

  test("streams beyond the number that may be open", async () => {
    const block = callHeaders(getMe, target.ada.accessToken);
    await flood(5, 50, (round) =>
      Array.from({ length: 200 }, (_, i) => frame(headers, endHeaders, 1 + 2 * (round * 200 + i), block)),
    );
  });

  test("answers asked for, with a window that never opens", async () => {
    const { ada } = target;
    const room = await roomOf(ada);
    for (let i = 0; i < 20; i++) await send(ada, room, "x".repeat(8000));
    const id = Buffer.from(room);
    const message = Buffer.concat([Buffer.of(0x0a, id.length), id]);
    const request = Buffer.concat([Buffer.alloc(1), u32(message.length), message]);
    const block = callHeaders("/parley.message.v1.MessageService/ListMessages", ada.accessToken);
    await target.survives(
      async () => {
        const stall = async () => {
          // SETTINGS_INITIAL_WINDOW_SIZE of nothing.
          const socket = await openHttp2(target.stack.grpcUrl, [[4, 0]]);
          for (let i = 0; i < 100; i++) {
            const stream = 1 + 2 * i;
            await socket.write(
              frame(headers, endHeaders, stream, block),
              frame(data, endStream, stream, request),
            );
          }
          // The head of an answer needs no window: what lacks is the body, which the server holds from now on.
          await socket.answered(100);
          return socket;
        };
        const stalled = await Promise.all(Array.from({ length: 10 }, stall));
        for (const socket of stalled) socket.drop();
      },
      { growthMiB: 900 },
    );
  });

  test("compressed bombs are refused without being unpacked", async () => {
    const bomb = gzipSync(Buffer.alloc(100 << 20));
    const message = Buffer.concat([Buffer.of(1), u32(bomb.length), bomb]);
    const block = Buffer.concat([
      callHeaders("/parley.auth.v1.AuthService/Login"),
      literal("grpc-encoding", "gzip"),
    ]);
    const chunks = Array.from({ length: Math.ceil(message.length / 16_000) }, (_, i) =>
      message.subarray(i * 16_000, (i + 1) * 16_000),
    );
    await target.survives(
      async () => {
        const socket = await openHttp2(target.stack.grpcUrl);
        for (let i = 0; i < 20; i++) {
          const stream = 1 + 2 * i;
          await socket.write(frame(headers, endHeaders, stream, block));
          for (const [j, chunk] of chunks.entries())
            await socket.write(frame(data, j === chunks.length - 1 ? endStream : 0, stream, chunk));
        }
        await socket.answered(20);
        socket.drop();
      },
      { growthMiB: 200 },
    );
  });

  test("what is no HTTP/2", async () => {
    await target.survives(async () => {
      for (const bytes of [
        Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        Buffer.alloc(100_000, 255),
        frame(99, 255, 0x7fffffff, Buffer.alloc(16_384)),
        frame(headers, endHeaders, 2, callHeaders(getMe)),
        frame(headers, endHeaders, 1, Buffer.alloc(1000, 255)),
        frame(data, 0, 1, Buffer.alloc(100)),
        frame(settings, 0, 0, Buffer.alloc(5)),
        frame(windowUpdate, 0, 0, u32(0)),
        Buffer.concat([u32(0xffffff04), Buffer.alloc(100)]),
      ]) {
        const socket = await openHttp2(target.stack.grpcUrl);
        await socket.write(bytes);
        await socket.ping();
        socket.drop();
      }
      expect(target.stack.pid).toBeGreaterThan(0);
    });
  });
});
