import { create, fromBinary, fromJsonString, toBinary, toJsonString } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ClientFrameSchema, ServerFrameSchema } from "#gen/parley/realtime/v1/frames_pb.js";
import { OverloadedError, statusRegistry, toStatus } from "../../services/common/errors.ts";
import type { Format } from "./codec.ts";
import { createShedding } from "./shedding.ts";
import { createTestClients, payloads, type TestClient, turns } from "./test-connection.ts";

const connect = createTestClients();
const waitMs = 1700;
const shedding = createShedding({ refuses: () => true, refused: () => waitMs });

/** Plain ones, and what JSON and Protobuf write otherwise: quotes, controls, more than ASCII, more than 127 bytes. */
const refs = [
  "",
  "1",
  "a b~",
  'say "hi"',
  "back\\slash",
  "line\nbreak",
  "é",
  "日本語",
  "🙂",
  "x".repeat(64),
  "é".repeat(64),
];

function readyClient(): TestClient {
  const client = connect();
  client.connection.ready = true;
  return client;
}

const expected = (ref: string | undefined) =>
  create(ServerFrameSchema, {
    ...(ref !== undefined && { ref }),
    kind: { case: "error", value: toStatus(new OverloadedError(undefined, waitMs)) },
  });

function decode(payload: Buffer, format: Format) {
  return format === "proto"
    ? fromBinary(ServerFrameSchema, new Uint8Array(payload))
    : fromJsonString(ServerFrameSchema, payload.toString(), { registry: statusRegistry });
}

test.for(["json", "proto"] as const)("a refusal in %s is the frame that the codec would write", (format) => {
  for (const ref of [undefined, ...refs]) {
    const written = payloads(shedding.refusal("read", ref).bytes(format));
    expect(written.map((payload) => decode(payload, format))).toEqual([expected(ref)]);
  }
});

test("what is refused in a turn is answered together, each by its ref, and in the next turn again", async () => {
  const client = readyClient();
  for (const ref of refs) shedding.refuse(client.connection, ref);
  await turns(1);
  expect(client.seen.map(({ ref }) => ref)).toEqual(refs);
  shedding.refuse(client.connection, "later");
  await turns(1);
  expect(client.seen.at(-1)?.ref).toBe("later");
  expect(client.seen).toHaveLength(refs.length + 1);
});

const send = (ref: string) =>
  create(ClientFrameSchema, {
    ref,
    kind: { case: "send", value: { roomId: "r", clientId: "c", text: "t" } },
  });

test("a send is refused before it is decoded where its ref is plain, and is left to the decoder otherwise", async () => {
  const plain = refs.filter((ref) => /^[ !#-[\]-~]*$/.test(ref));
  const client = readyClient();
  const shed = (ref: string) => ({
    json: shedding.shed(client.connection, Buffer.from(toJsonString(ClientFrameSchema, send(ref))), false),
    proto: shedding.shed(client.connection, Buffer.from(toBinary(ClientFrameSchema, send(ref))), true),
  });
  for (const ref of plain) expect(shed(ref), ref).toEqual({ json: true, proto: true });
  expect(shed("é")).toEqual({ json: false, proto: false });
  expect(shed("x".repeat(65))).toEqual({ json: false, proto: false });
  await turns(1);
  expect(client.seen.map(({ ref }) => ref)).toEqual(plain.flatMap((ref) => [ref, ref]));
});

test("other frames, and cut ones, are left to the decoder", () => {
  const { connection } = readyClient();
  const ping = create(ClientFrameSchema, { ref: "1", kind: { case: "ping", value: {} } });
  expect(shedding.shed(connection, Buffer.from(toJsonString(ClientFrameSchema, ping)), false)).toBe(false);
  expect(shedding.shed(connection, Buffer.from(toBinary(ClientFrameSchema, ping)), true)).toBe(false);
  for (const cut of ["", "{", '{"ref":"', '{"ref":"1', '{"ref":"1"', '{"ref":"1","send":'])
    expect(shedding.shed(connection, Buffer.from(cut), false), cut).toBe(false);
  for (const cut of [[], [0x0a], [0x0a, 1], [0x0a, 1, 0x31], [0x0a, 200, 0x31, 0x22]])
    expect(shedding.shed(connection, Buffer.from(cut), true), cut.join()).toBe(false);
});
