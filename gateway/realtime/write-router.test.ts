import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { pino } from "pino";
import { describe, expect, test, vi } from "vitest";
import { StatusSchema } from "#gen/google/rpc/status_pb.js";
import {
  type MessageInternalService,
  type WriteRequest,
  type WriteResponse,
  WriteResponseSchema,
  type WriteResultSchema,
} from "#gen/parley/internal/v1/message_internal_service_pb.js";
import { SendMessageRequestSchema } from "#gen/parley/message/v1/message_service_pb.js";
import { turns, until } from "./test-connection.ts";
import { createTestServers, useLinkSetting } from "./test-links.ts";
import { createTestReplicas, roomOf } from "./test-replicas.ts";
import type { TestStream } from "./test-stream.ts";
import { createWriteRouter, type Outcome } from "./write-router.ts";

type Stream = TestStream<WriteRequest, WriteResponse>;

const setting = useLinkSetting();

async function start(...ids: string[]) {
  const { serverOf, streamOf } = createTestServers<WriteRequest, WriteResponse>();
  const replicas = createTestReplicas<typeof MessageInternalService>(
    (id) => ({ write: serverOf(id).call }) as unknown as Client<typeof MessageInternalService>,
  );
  replicas.set(...ids);
  const clock = { now: 0 };
  const router = createWriteRouter({
    replicas,
    linkId: "gateway",
    backoff: setting.backoff,
    unavailable: () => create(StatusSchema, { code: 14 }),
    overloaded: () => create(StatusSchema, { code: 8 }),
    giveUpMs: 10_000,
    logger: pino({ enabled: false }),
    now: () => clock.now,
  });
  const running = router.run(setting.signal);
  const live = (id: string) => streamOf(id).answer(create(WriteResponseSchema));
  await turns();
  for (const id of ids) await live(id);
  const outcomes: string[] = [];
  const slot = router.introduce("token");
  const write = (roomId: string, text: string, by = slot) => {
    const value = create(SendMessageRequestSchema, { roomId, clientId: text, text });
    router.write(by, roomId, { case: "send", value }, (outcome: Outcome) =>
      outcomes.push(`${text} ${"ack" in outcome ? outcome.ack.seq : `error ${outcome.error.code}`}`),
    );
  };
  const pass = (ms: number) => {
    clock.now += ms;
    vi.advanceTimersByTime(1000);
  };
  return { router, replicas, streamOf, serverOf, live, write, outcomes, running, pass, slot };
}

const writesOf = ({ requests }: Stream) => requests.flatMap(({ writes }) => writes);
const textsOf = (stream: Stream) =>
  writesOf(stream).map(({ operation }) => (operation.case === "send" ? operation.value.text : ""));

async function answer(
  stream: Stream,
  text: string,
  outcome?: MessageInitShape<typeof WriteResultSchema>["outcome"],
) {
  const id = writesOf(stream)[textsOf(stream).indexOf(text)]?.id;
  const results = [{ id, outcome: outcome ?? ({ case: "ack", value: { seq: id } } as const) }];
  await stream.answer(create(WriteResponseSchema, { results }));
}

const three = ["a", "b", "c"];

describe("one replica", () => {
  test("each write is answered once, with what became of it", async () => {
    const { write, outcomes, streamOf } = await start("a");
    for (const text of ["1", "2", "3"]) write("r", text);
    await turns();
    await answer(streamOf("a"), "2");
    await answer(streamOf("a"), "2");
    await answer(streamOf("a"), "1", { case: "error", value: { code: 5 } });
    await answer(streamOf("a"), "3", { case: undefined });
    expect(outcomes).toEqual(["2 2", "1 error 5", "3 error 14"]);
  });

  test("what a broken stream left unanswered is sent again, in order, before what is newer", async () => {
    const { router, write, streamOf, serverOf, live, outcomes, slot } = await start("a");
    for (const text of ["1", "2", "3"]) write("r", text);
    await turns();
    await answer(streamOf("a"), "2");
    router.retire(slot);
    await streamOf("a").breakOff();
    const other = router.introduce("other");
    write("r", "4", other);
    await until(() => serverOf("a").streams.length === 2);
    expect(textsOf(streamOf("a"))).toEqual([]);
    await live("a");
    write("r", "5", other);
    await turns();
    expect(textsOf(streamOf("a"))).toEqual(["1", "3", "4", "5"]);
    expect(writesOf(streamOf("a")).map(({ again }) => again)).toEqual([true, true, false, false]);
    for (const text of ["1", "5", "3", "4"]) await answer(streamOf("a"), text);
    expect(outcomes).toEqual(["2 2", "1 1", "5 5", "3 3", "4 4"]);
    // Who is gone is retired when nothing of theirs is unanswered.
    expect(streamOf("a").requests.flatMap(({ retiredSlots }) => retiredSlots)).toEqual([BigInt(slot)]);
  });

  test("what waits too long while no stream stands is given up, and answered once", async () => {
    const { write, outcomes, pass, streamOf, serverOf, live } = await start("a");
    write("r", "old");
    await turns();
    pass(20_000);
    expect(outcomes).toEqual([]);
    await streamOf("a").breakOff();
    write("r", "new");
    await until(() => serverOf("a").streams.length === 2);
    pass(5_000);
    expect(outcomes).toEqual(["old error 14"]);
    await live("a");
    await turns();
    expect(textsOf(streamOf("a"))).toEqual(["new"]);
    await answer(streamOf("a"), "new");
    expect(outcomes).toEqual(["old error 14", "new 2"]);
  });

  test("when it closes, everything is answered, and further writes at once", async () => {
    const { write, outcomes, running } = await start("a");
    write("r", "1");
    await turns();
    setting.stop();
    await running;
    write("r", "2");
    expect(outcomes).toEqual(["1 error 14", "2 error 14"]);
  });
});

describe("several replicas", () => {
  test("a room's writes go to one, and a caller is known where they wrote", async () => {
    const { write, streamOf } = await start(...three);
    const [a, b] = [roomOf("a", three), roomOf("b", three)];
    write(a, "1");
    write(b, "2");
    write(a, "3");
    await turns();
    expect(three.map((id) => textsOf(streamOf(id)))).toEqual([["1", "3"], ["2"], []]);
    expect(
      three.map((id) => streamOf(id).requests.flatMap(({ introductions }) => introductions).length),
    ).toEqual([1, 1, 0]);
  });

  test("one whose stream breaks: its rooms move at once, and what it answers then does not count", async () => {
    const { write, streamOf, serverOf, live, outcomes } = await start(...three);
    const room = roomOf("a", three, "b");
    write(room, "1");
    write(room, "2");
    await turns();
    const former = streamOf("a");
    await former.breakOff();
    write(room, "3");
    await turns();
    expect(textsOf(streamOf("b"))).toEqual(["1", "2", "3"]);
    await answer(former, "1");
    await answer(streamOf("b"), "2");
    expect(outcomes).toEqual(["2 2"]);
    await until(() => serverOf("a").streams.length === 2);
    await live("a");
    expect(textsOf(streamOf("a"))).toEqual([]);
  });

  test("one that comes: a room's later writes wait for the answers of where it was", async () => {
    const { write, streamOf, replicas, live, outcomes } = await start("b", "c");
    const [moves, stays] = [roomOf("a", three, "b"), roomOf("b", three)];
    for (const text of ["1", "2"]) write(moves, text);
    write(stays, "other");
    await turns();
    replicas.set(...three);
    write(moves, "3");
    await turns();
    // Nothing moves to who has not shown that it works.
    expect(textsOf(streamOf("b"))).toEqual(["1", "2", "other", "3"]);
    await live("a");
    write(moves, "4");
    await turns();
    await answer(streamOf("b"), "1");
    await answer(streamOf("b"), "3");
    expect(textsOf(streamOf("a"))).toEqual([]);
    write(moves, "5");
    await answer(streamOf("b"), "2");
    write(moves, "6");
    await turns();
    expect(textsOf(streamOf("a"))).toEqual(["4", "5", "6"]);
    expect(writesOf(streamOf("a")).map(({ again }) => again)).toEqual([false, false, false]);
    for (const text of ["4", "5", "6"]) await answer(streamOf("a"), text);
    expect(outcomes.map((outcome) => outcome.split(" ")[0])).toEqual(["1", "3", "2", "4", "5", "6"]);
  });

  test("one that goes while a room waits to move there, or away from there", async () => {
    const { write, streamOf, replicas, live } = await start("b", "c");
    const room = roomOf("a", three, "b");
    write(room, "1");
    await turns();
    replicas.set(...three);
    await turns();
    await live("a");
    write(room, "2");
    await streamOf("a").breakOff();
    await turns();
    expect(textsOf(streamOf("b"))).toEqual(["1", "2"]);
    await live("a");
    write(room, "3");
    await turns();
    replicas.set("a", "c");
    await turns();
    expect(textsOf(streamOf("a"))).toEqual(["1", "2", "3"]);
    expect(writesOf(streamOf("a")).map(({ again }) => again)).toEqual([true, true, false]);
  });

  test("one that is silent: its rooms move, and come back when it is", async () => {
    const { write, streamOf, serverOf, live, outcomes } = await start(...three);
    const room = roomOf("a", three, "b");
    write(room, "1");
    await turns();
    for (let second = 0; second < 4; second++) {
      vi.advanceTimersByTime(1000);
      await live("b");
      await live("c");
    }
    await until(() => textsOf(streamOf("b")).length > 0);
    await answer(streamOf("b"), "1");
    expect(outcomes).toEqual(["1 1"]);
    await until(() => serverOf("a").streams.length === 2);
    write(room, "2");
    await turns();
    expect(textsOf(streamOf("b"))).toEqual(["1", "2"]);
    await answer(streamOf("b"), "2");
    await live("a");
    write(room, "3");
    await turns();
    expect(textsOf(streamOf("a"))).toEqual(["3"]);
  });
});
