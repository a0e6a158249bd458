import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Stack, topologies } from "../stack.ts";
import { type Api, createApi, ok, type Person, roomOf } from "./api.ts";
import { closeCodeOf, frameOf, handshake, opcodes, openRaw, type RawSocket } from "./raw-socket.ts";
import { connect } from "./realtime-client.ts";
import { failed, from, message, seqs } from "./realtime-world.ts";

const { continuation, text, binary, close, ping } = opcodes;

/** WebSockets as nobody should use them: one's own connection may suffer, nothing else does. */
describe.each(topologies)("abuse of WebSockets: $name", ({ start }) => {
  let stack: Stack;
  let api: Api;
  let ada: Person;
  let bob: Person;
  let pid: number;

  beforeAll(async () => {
    stack = await start();
    api = createApi(stack.url);
    [ada, bob] = (await api.people(2)) as [Person, Person];
    pid = stack.pid;
  });
  afterEach(async () => {
    const room = await roomOf(ada, bob);
    const client = await connect(stack.socketUrl, bob.accessToken);
    expect((await client.request(message(room, "served"))).ack.seq).toBe("3");
    client.drop();
    expect(stack.pid).toBe(pid);
    expect(stack.output()).not.toMatch(/"level":"?(50|60|error|fatal)"?/);
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  const json = (frame: object) => frameOf(text, JSON.stringify(frame));
  const times = (count: number, frame: Buffer) => Buffer.concat(Array(count).fill(frame));
  const upgraded = async (person = ada): Promise<RawSocket> => {
    const socket = await openRaw(stack.url);
    void socket.write(handshake(stack.url));
    void socket.write(json({ ref: "h", hello: { accessToken: person.accessToken } }));
    await socket.until('"ready"');
    return socket;
  };

  test.each([
    ["an unmasked frame", frameOf(text, "{}", { masked: false }), 1002],
    ["reserved bits", frameOf(text, "{}", { reserved: 4 }), 1002],
    ["a reserved opcode", frameOf(3, "x"), 1002],
    ["a reserved control opcode", frameOf(11, "x"), 1002],
    ["a long control frame", frameOf(ping, "x".repeat(126)), 1002],
    ["a fragmented control frame", frameOf(ping, "x", { fin: false }), 1002],
    ["a continuation of nothing", frameOf(continuation, "x"), 1002],
    ["a message within a message", Buffer.concat([frameOf(text, "{", { fin: false }), json({})]), 1002],
    ["a close of one byte", frameOf(close, Buffer.from([3])), 1002],
    ["a close code that is none", frameOf(close, Buffer.from([3, 0xed])), 1002],
    ["a length of 2^53", frameOf(text, "", { length: 2 ** 53 }), 1009],
    ["a length beyond 128 KiB announced", frameOf(text, "x", { length: 128 * 1024 + 1 }), 1009],
    [
      "fragments beyond 128 KiB",
      Buffer.concat([
        frameOf(text, "x".repeat(70_000), { fin: false }),
        frameOf(continuation, "x".repeat(70_000)),
      ]),
      1009,
    ],
    ["a million fragments", times(50_000, frameOf(continuation, "", { fin: false })), 1002],
  ])("%s closes", async (_, bytes, code) => {
    const socket = await upgraded();
    void socket.write(bytes);
    expect(closeCodeOf(await socket.ended)).toBe(code);
  });

  test.each([
    ["the other opcode", frameOf(binary, "{}")],
    ["no UTF-8", frameOf(text, Buffer.from([0x7b, 0xff, 0x7d]))],
    ["nothing", frameOf(text, "")],
    ["blanks", frameOf(text, "  ")],
    ["a byte order mark", frameOf(text, '\ufeff{"ping":{}}')],
    ["two values", frameOf(text, '{"ping":{}}{"ping":{}}')],
    ["half a value", frameOf(text, '{"ping":{')],
  ])("%s is no JSON: goodbye, then 4005", async (_, bytes) => {
    const socket = await upgraded();
    void socket.write(bytes);
    await socket.until('BAD_FRAME"');
    void socket.write(frameOf(close, Buffer.from([0x0f, 0xa5])));
    const received = await socket.ended;
    expect(received).toContain('{"goodbye":{"code":4005,"reason":"BAD_FRAME","resumable":false');
    expect(closeCodeOf(received)).toBe(4005);
  });

  test("a frame of exactly 128 KiB is taken, in as many fragments as one likes", async () => {
    const socket = await upgraded();
    const start = '{"ref":"exact","ping":{},"padding":"';
    const frame = `${start}${"x".repeat(128 * 1024 - start.length - 2)}"}`;
    void socket.write(frameOf(text, frame));
    await socket.until('{"ref":"exact","pong":{}}');
    const small = '{"ref":"small","ping":{}}';
    for (const [i, letter] of [...small].entries()) {
      const fin = i === small.length - 1;
      void socket.write(frameOf(i === 0 ? text : continuation, letter, { fin }));
      void socket.write(frameOf(ping, `between ${i}`));
    }
    await socket.until('{"ref":"small","pong":{}}');
    expect(socket.received).toContain("between 0");
    expect(socket.received).toContain("between 24");
    socket.drop();
  });

  test("compression is offered and not taken", async () => {
    const socket = await openRaw(stack.url);
    void socket.write(
      handshake(stack.url, { "Sec-WebSocket-Extensions": "permessage-deflate; server_no_context_takeover" }),
    );
    await socket.until("\r\n\r\n");
    expect(socket.received).toMatch(/^HTTP\/1\.1 101 /);
    expect(socket.received.toLowerCase()).not.toContain("sec-websocket-extensions");
    socket.drop();
  });

  test("hello and a thousand sends before its answer: all done, in order, after ready", async () => {
    const room = await roomOf(ada);
    const socket = await openRaw(stack.url);
    const sends = Array.from({ length: 1000 }, (_, i) => ({ ref: `s${i}`, ...message(room, `m${i}`) }));
    const hello = { ref: "h", hello: { accessToken: ada.accessToken } };
    void socket.write(Buffer.concat([Buffer.from(handshake(stack.url)), ...[hello, ...sends].map(json)]));
    await socket.until('"ref":"s999"');
    const refs = [...socket.received.matchAll(/"ref":"(\w+)"/g)].map(([, ref]) => ref);
    expect(refs).toEqual(["h", ...sends.map(({ ref }) => ref)]);
    socket.drop();
    const page = await ok(ada.get(`/v1/rooms/${room}/messages?pageSize=200&afterSeq=0`));
    expect(page.messages.map((each: { text: string }) => each.text)).toEqual(
      sends.slice(0, 200).map(({ send }) => send.text),
    );
  });

  test("frames with nonsense in them are refused one by one", async () => {
    const room = await roomOf(ada);
    const client = await connect(stack.socketUrl, ada.accessToken);
    const { seq } = (await client.request(message(room, "t"))).ack;
    const odd: [frame: object, reason: string][] = [
      [{}, "INVALID_ARGUMENT"],
      [{ ping: null }, "INVALID_ARGUMENT"],
      [{ ping: {}, typing: { roomId: room } }, "INVALID_ARGUMENT"],
      [{ send: [] }, "INVALID_ARGUMENT"],
      [{ send: { roomId: room, clientId: "c", text: "\ud800" } }, "INVALID_ARGUMENT"],
      [{ send: { roomId: room, clientId: "c", text: "x".repeat(120_000) } }, "INVALID_ARGUMENT"],
      [{ send: { roomId: room, clientId: "c", text: "t", replyToSeq: "0" } }, "INVALID_ARGUMENT"],
      [{ send: { roomId: room, clientId: "c", text: "t", replyToSeq: "1e3" } }, "INVALID_ARGUMENT"],
      [{ send: { roomId: room.toUpperCase(), clientId: "c", text: "t" } }, "ROOM_NOT_FOUND"],
      [{ send: { roomId: "__proto__", clientId: "c", text: "t" } }, "ROOM_NOT_FOUND"],
      [{ edit: { roomId: room, seq: "NaN", text: "t" } }, "INVALID_ARGUMENT"],
      [{ edit: { roomId: room, seq: "-1", text: "t" } }, "MESSAGE_NOT_FOUND"],
      [{ delete: { roomId: room, seq: "9223372036854775807" } }, "MESSAGE_NOT_FOUND"],
      [{ delete: { roomId: room, seq: "9223372036854775808" } }, "INVALID_ARGUMENT"],
      [{ markRead: { roomId: room, seq: "-1" } }, "INVALID_ARGUMENT"],
      [{ react: { roomId: room, seq, emoji: `👍${"\u0301".repeat(30)}` } }, "INVALID_ARGUMENT"],
      [{ react: { roomId: room, seq, emoji: "👍".repeat(5000) } }, "INVALID_ARGUMENT"],
      [{ react: { roomId: room, seq, emoji: "👍", remove: "yes" } }, "INVALID_ARGUMENT"],
      [{ resume: { rooms: [null] } }, "INVALID_ARGUMENT"],
      [{ resume: { rooms: [{ roomId: room, afterSeq: "-1" }] } }, "INVALID_ARGUMENT"],
      [{ resume: { rooms: Array(5001).fill({ roomId: "x" }) } }, "INVALID_ARGUMENT"],
      [{ typing: {} }, "ROOM_NOT_FOUND"],
      [{ refreshToken: {} }, "UNAUTHENTICATED"],
      [{ refreshToken: { accessToken: "x".repeat(100_000) } }, "UNAUTHENTICATED"],
      [{ hello: {} }, "INVALID_ARGUMENT"],
    ];
    for (const [frame, reason] of odd) {
      expect(failed(await client.request(frame)), JSON.stringify(frame).slice(0, 100)).toBe(reason);
    }
    expect((await client.request({ ...JSON.parse('{"__proto__":{"send":{}}}'), ping: {} })).pong).toEqual({});
    await client.untilSeq(room, 2);
    expect(seqs(client, room)).toEqual([2]);
    client.drop();
  });

  test("floods by clients that do not read, and storms by those that do, stay bounded", {
    timeout: 60_000,
  }, async () => {
    const room = await roomOf(ada, bob);
    const writer = await connect(stack.socketUrl, bob.accessToken);
    // A hundred at a time: 1,500 at once are too much for a machine that is busy with something else, and some refused.
    for (let i = 0; i < 1500; i += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, k) => writer.request(message(room, `m${i + k}`))));
    }
    const before = residentMegabytes(stack.pid);
    const cursors = Array(1800).fill({ roomId: room, afterSeq: "0" });
    const floods = [
      times(200, frameOf(ping, "x".repeat(125))),
      times(2000, json({ ref: "x".repeat(250), ping: {} })),
      times(20, json({ ref: "r", resume: { rooms: cursors } })),
      times(20, json({ ref: "r", resume: { rooms: Array(4000).fill({ roomId: "" }) } })),
      times(5000, json({ typing: { roomId: room } })),
      times(500, json({ ref: "t", refreshToken: { accessToken: ada.accessToken } })),
      times(20, json({ ref: "s", ...message(room, "x".repeat(120_000)) })),
    ];
    const sockets = await Promise.all(floods.map(() => upgraded()));
    for (const socket of sockets) socket.pause();
    const flooding = sockets.flatMap((socket, i) =>
      Array.from({ length: 20 }, () => socket.write(floods[i] as Buffer)),
    );
    for (let i = 0; i < 200; i++) await writer.request(message(room, `meanwhile ${i}`));
    await ok(bob.get("/v1/users/me"));
    expect(residentMegabytes(stack.pid) - before).toBeLessThan(500);
    for (const socket of sockets) socket.drop();
    await Promise.all(flooding);
    await writer.untilSeq(room, 1702);
    expect(seqs(writer, room)).toEqual(from(3, 1702));
    writer.drop();
  });

  test("500 connections that come and go, with and without a hello", async () => {
    const room = await roomOf(ada, bob);
    const steady = await connect(stack.socketUrl, bob.accessToken);
    for (let round = 0; round < 5; round++) {
      const sockets = await Promise.all(
        Array.from({ length: 100 }, async (_, i) => {
          const socket = await openRaw(stack.url);
          const hello = json({
            hello: { accessToken: ada.accessToken, rooms: [{ roomId: room, afterSeq: "0" }] },
          });
          if (i % 4 > 0) await socket.write(handshake(stack.url));
          if (i % 4 > 1) await socket.write(hello);
          if (i % 4 > 2) await socket.write(hello.subarray(0, 20));
          return socket;
        }),
      );
      await steady.request(message(room, `round ${round}`));
      for (const socket of sockets) socket.drop();
    }
    await steady.untilSeq(room, 7);
    expect(seqs(steady, room)).toEqual(from(3, 7));
    steady.drop();
  });
});

/** 0 where there is no /proc to ask. */
function residentMegabytes(pid: number): number {
  if (process.platform !== "linux") return 0;
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}
