import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { StatusSchema } from "#gen/google/rpc/status_pb.js";
import {
  type MessageInternalService,
  type WriteRequest,
  type WriteResponse,
  WriteResponseSchema,
  type WriteResultSchema,
} from "#gen/parley/internal/v1/message_internal_service_pb.js";
import { backoff, turns, until } from "./test-connection.ts";
import { createTestStreams, type TestStream } from "./test-stream.ts";
import { createWriteLink, type Outcome } from "./write-link.ts";

type Stream = TestStream<WriteRequest, WriteResponse>;

let stop = new AbortController();
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  stop = new AbortController();
});
afterEach(() => {
  stop.abort();
  vi.useRealTimers();
});

async function start() {
  const { signal } = stop;
  const { streams, call } = createTestStreams<WriteRequest, WriteResponse>();
  const clock = { now: 0 };
  const link = createWriteLink({
    messages: { write: call } as unknown as Client<typeof MessageInternalService>,
    backoff: async () => {
      await backoff();
      signal.throwIfAborted();
    },
    unavailable: () => create(StatusSchema, { code: 14 }),
    overloaded: () => create(StatusSchema, { code: 14 }),
    giveUpMs: 10_000,
    logger: pino({ enabled: false }),
    now: () => clock.now,
  });
  const running = link.run(signal).catch(() => {});
  await turns();
  const outcomes: string[] = [];
  const write = (slot: number, text: string) =>
    link.write(slot, { case: "send", value: { roomId: "r", clientId: text, text } }, (outcome: Outcome) =>
      outcomes.push(`${text} ${"ack" in outcome ? outcome.ack.seq : `error ${outcome.error.code}`}`),
    );
  const pass = (ms: number) => {
    clock.now += ms;
    vi.advanceTimersByTime(1000);
  };
  return { link, streams, write, outcomes, running, pass, last: () => streams.at(-1) as Stream };
}

const writesOf = ({ requests }: Stream) =>
  requests.flatMap(({ writes }) =>
    writes.map(({ id, slot, operation }) => ({
      id,
      slot: Number(slot),
      text: operation.case === "send" ? operation.value.text : "",
    })),
  );
const introducedTo = ({ requests }: Stream) =>
  requests.flatMap(({ introductions }) =>
    introductions.map(({ slot, accessToken }) => [Number(slot), accessToken]),
  );
const textsOf = (stream: Stream) => writesOf(stream).map(({ text }) => text);

async function answer(
  stream: Stream,
  text: string,
  outcome?: MessageInitShape<typeof WriteResultSchema>["outcome"],
) {
  const id = writesOf(stream).find((write) => write.text === text)?.id;
  const results = [{ id, outcome: outcome ?? ({ case: "ack", value: { seq: id } } as const) }];
  await stream.answer(create(WriteResponseSchema, { results }));
}

test("introduces callers before their writes, and sends those of one turn together", async () => {
  const { link, write, last } = await start();
  const slot = link.introduce("token");
  for (const text of ["a", "b", "c"]) write(slot, text);
  await turns();
  const [batch] = last().requests;
  expect(batch?.introductions).toHaveLength(1);
  expect(batch?.writes).toHaveLength(3);
});

test("each write is answered once, with what became of it", async () => {
  const { write, outcomes, last } = await start();
  for (const text of ["a", "b", "c"]) write(1, text);
  await turns();
  await answer(last(), "b");
  await answer(last(), "b");
  await answer(last(), "a", { case: "error", value: { code: 5 } });
  await answer(last(), "c", { case: undefined });
  expect(outcomes).toEqual(["b 2", "a error 5", "c error 14"]);
});

test("what a broken stream left unanswered is sent again, in order, with those who are there introduced", async () => {
  const { link, write, outcomes, streams, last } = await start();
  const [stays, goes, waits] = [link.introduce("stays"), link.introduce("goes"), link.introduce("waits")];
  for (const text of ["a", "b", "c"]) write(stays, text);
  write(waits, "d");
  await turns();
  await answer(last(), "b");
  link.retire(goes);
  link.retire(waits);
  await streams[0]?.breakOff();
  write(stays, "e");
  await until(() => streams.length === 2);
  write(stays, "f");
  await turns();
  expect(introducedTo(last())).toEqual([
    [stays, "stays"],
    [waits, "waits"],
  ]);
  expect(textsOf(last())).toEqual(["a", "c", "d", "e", "f"]);
  expect(last().requests.flatMap(({ retiredSlots }) => retiredSlots)).toEqual([BigInt(waits)]);
  for (const text of ["d", "a", "f", "e", "c"]) await answer(last(), text);
  expect(outcomes).toEqual(["b 2", "d 4", "a 1", "f 6", "e 5", "c 3"]);
});

test("much that is unanswered travels in several requests, in order", async () => {
  const { write, streams, last } = await start();
  const texts = Array.from({ length: 450 }, (_, i) => `${i}`);
  for (const text of texts) write(1, text);
  await turns();
  expect(textsOf(last())).toEqual(texts);
  await streams[0]?.breakOff();
  await until(() => streams.length === 2);
  await turns();
  expect(textsOf(last())).toEqual(texts);
  for (const { requests } of streams) {
    expect(Math.max(...requests.map(({ writes }) => writes.length))).toBeLessThanOrEqual(100);
  }
});

test("what waits too long while nothing answers is given up, and answered once", async () => {
  const { write, outcomes, pass, last } = await start();
  write(1, "old");
  await turns();
  pass(6_000);
  write(1, "new");
  await turns();
  pass(5_000);
  expect(outcomes).toEqual(["old error 14"]);
  await answer(last(), "old");
  await answer(last(), "new");
  expect(outcomes).toEqual(["old error 14", "new 2"]);
  write(1, "slow");
  await turns();
  pass(20_000);
  expect(outcomes).toHaveLength(2);
});

test("when it closes, everything is answered, and further writes at once", async () => {
  const { write, outcomes, running } = await start();
  write(1, "a");
  await turns();
  stop.abort();
  await running;
  write(1, "b");
  expect(outcomes).toEqual(["a error 14", "b error 14"]);
});
