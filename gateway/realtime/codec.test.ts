import { create, fromBinary, type MessageInitShape, toBinary, toJson } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { ClientFrameSchema, type ServerFrame, ServerFrameSchema } from "#gen/parley/realtime/v1/frames_pb.js";
import { statusRegistry, toStatus } from "../../services/common/errors.ts";
import { RoomNotFoundError } from "../errors.ts";
import { BadFrameError, decodeBinary, decodeJson, encodeBinary, jsonOf, RefusedFrameError } from "./codec.ts";
import { payloads } from "./test-connection.ts";

const texts = [
  "plain",
  'quotes " and \\ and / ',
  "line\nfeed\ttab\u0001\u007f\u2028",
  "👩‍👩‍👧 é 漢字",
  "</script>",
  "",
];
const times = [
  undefined,
  { seconds: 1_753_900_000n, nanos: 0 },
  { seconds: 1_753_900_000n, nanos: 7_000_000 },
  { seconds: 0n, nanos: 120_000_000 },
];

const frame = (init: MessageInitShape<typeof ServerFrameSchema>) => create(ServerFrameSchema, init);
/** As protobuf-es writes it. */
const general = (message: ServerFrame) =>
  JSON.stringify(toJson(ServerFrameSchema, message, { alwaysEmitImplicit: true, registry: statusRegistry }));

describe("what is written by hand equals what protobuf-es writes", () => {
  test("acks", () => {
    for (const at of times) {
      for (const ref of texts) {
        for (const replayed of [false, true]) {
          const value = { roomId: ref, seq: 2n ** 60n, at, replayed };
          const ack = frame({ ref, kind: { case: "ack", value } });
          expect(jsonOf(ack)).toBe(general(ack));
        }
      }
    }
    const empty = frame({ ref: "1", kind: { case: "ack", value: {} } });
    expect(jsonOf(empty)).toBe(general(empty));
  });

  test("posts", () => {
    for (const at of times) {
      for (const text of texts) {
        for (const replyToSeq of [undefined, 0n, 12n]) {
          const value = { clientId: 'c"1', text, replyToSeq, erased: text === "" };
          const event = { roomId: "r", seq: 5n, actorId: "u", at };
          const post = frame({
            kind: { case: "event", value: { ...event, body: { case: "messagePosted", value } } },
          });
          expect(jsonOf(post)).toBe(general(post));
        }
      }
    }
  });

  test("rooms that are gone", () => {
    for (const roomId of texts) {
      const gone = frame({ kind: { case: "roomGone", value: { roomId } } });
      expect(jsonOf(gone)).toBe(general(gone));
    }
  });

  test("everything else is left to it", () => {
    const error = frame({ ref: "1", kind: { case: "error", value: toStatus(new RoomNotFoundError()) } });
    expect(JSON.parse(jsonOf(error))).toMatchObject({
      ref: "1",
      error: { code: 5, details: [{ reason: "ROOM_NOT_FOUND", domain: "parley" }] },
    });
  });

  test("binary frames carry the message", () => {
    for (const length of [0, 200, 70_000]) {
      const pushed = frame({ ref: "x".repeat(length), kind: { case: "pong", value: {} } });
      const [payload] = payloads(encodeBinary(pushed));
      expect(fromBinary(ServerFrameSchema, payload as Buffer)).toEqual(pushed);
    }
  });
});

describe("reading", () => {
  const send = { roomId: "r", clientId: "c", text: 'a "b" 👋' };
  const cases: Record<string, [json: object, init: MessageInitShape<typeof ClientFrameSchema>["kind"]]> = {
    hello: [
      { accessToken: "t", rooms: [{ roomId: "r", afterSeq: "12" }, { roomId: "q" }], feedAfterSeq: "0" },
      {
        case: "hello",
        value: {
          accessToken: "t",
          rooms: [{ roomId: "r", afterSeq: 12n }, { roomId: "q" }],
          feedAfterSeq: 0n,
        },
      },
    ],
    resume: [{ rooms: [{ roomId: "r" }] }, { case: "resume", value: { rooms: [{ roomId: "r" }] } }],
    send: [send, { case: "send", value: send }],
    edit: [
      { roomId: "r", seq: "3", text: "t" },
      { case: "edit", value: { roomId: "r", seq: 3n, text: "t" } },
    ],
    delete: [
      { roomId: "r", seq: 3 },
      { case: "delete", value: { roomId: "r", seq: 3n } },
    ],
    react: [
      { roomId: "r", seq: "3", emoji: "👍", remove: true },
      { case: "react", value: { roomId: "r", seq: 3n, emoji: "👍", remove: true } },
    ],
    markRead: [
      { roomId: "r", seq: "3" },
      { case: "markRead", value: { roomId: "r", seq: 3n } },
    ],
    typing: [{ roomId: "r" }, { case: "typing", value: { roomId: "r" } }],
    refreshToken: [{ accessToken: "t" }, { case: "refreshToken", value: { accessToken: "t" } }],
    ping: [{}, { case: "ping", value: {} }],
  };

  test.each(Object.entries(cases))("%s", (name, [json, kind]) => {
    const expected = create(ClientFrameSchema, { ref: "1", kind });
    expect(decodeJson(JSON.stringify({ ref: "1", [name]: json }))).toEqual(expected);
    expect(decodeJson(JSON.stringify({ unknown: [1], ref: "1", [name]: { ...json, unknown: {} } }))).toEqual(
      expected,
    );
    expect(decodeBinary(toBinary(ClientFrameSchema, expected))).toEqual(expected);
  });

  test("a send with a reply, and one without a ref", () => {
    const reply = decodeJson(JSON.stringify({ ref: "1", send: { ...send, replyToSeq: "4" } }));
    expect(reply.kind).toEqual(
      create(ClientFrameSchema, { kind: { case: "send", value: { ...send, replyToSeq: 4n } } }).kind,
    );
    expect(decodeJson(JSON.stringify({ send }))).toEqual(
      create(ClientFrameSchema, { kind: { case: "send", value: send } }),
    );
  });

  test("null is absent", () => {
    const frame = decodeJson('{"ref":null,"send":null,"ping":{},"hello":null}');
    expect([frame.ref, frame.kind.case]).toEqual([undefined, "ping"]);
    expect(decodeJson('{"ref":"1","send":null}').kind.case).toBeUndefined();
  });

  test("a frame of no known kind has none", () => {
    expect(decodeJson('{"ref":"1","dance":{}}').kind.case).toBeUndefined();
  });

  test("half a pair of surrogates is no text, also in the most frequent frame", () => {
    const text = '{"ref":"1","send":{"roomId":"r","clientId":"c","text":"\\ud800"}}';
    expect(() => decodeJson(text)).toThrow(RefusedFrameError);
  });

  test("what is no JSON, or no Protobuf, is a bad frame", () => {
    for (const text of ["", "hello", '{"ref":', "\u0000"]) {
      expect(() => decodeJson(text)).toThrow(BadFrameError);
    }
    expect(() => decodeBinary(Buffer.from([0xff, 0xff, 0xff]))).toThrow(BadFrameError);
  });

  test.each([
    ['{"ref":"7","send":{"roomId":1}}', "7", "room_id"],
    ['{"ref":"7","send":[]}', "7", undefined],
    ['{"send":{"text":null,"roomId":{}}}', undefined, "room_id"],
    ['{"ref":7,"ping":{}}', undefined, "ref"],
    ['{"ref":"7","ping":{},"typing":{}}', "7", undefined],
    ['{"ref":"7","delete":{"seq":"1.5"}}', "7", "seq"],
    ['{"ref":"7","delete":{"seq":"01"}}', "7", "seq"],
    ['{"ref":"7","send":{"roomId":"r","clientId":"c","text":"t","replyToSeq":" 1"}}', "7", "reply_to_seq"],
    ['{"ref":"7","resume":{"rooms":[{"roomId":"a","afterSeq":"1"},{"after_seq":"0x3"}]}}', "7", "after_seq"],
    ["[]", undefined, undefined],
    ["null", undefined, undefined],
    ["5", undefined, undefined],
  ])("%s is refused, with its ref and what is wrong", (text, ref, field) => {
    let refused: unknown;
    try {
      decodeJson(text);
    } catch (error) {
      refused = error;
    }
    expect(refused).toBeInstanceOf(RefusedFrameError);
    expect(refused).toMatchObject({ ref, cause: { reason: "INVALID_ARGUMENT" } });
    if (field) expect(refused).toMatchObject({ cause: { violations: [{ field }] } });
  });
});
