import { create } from "@bufbuild/protobuf";
import { expect, test, vi } from "vitest";
import { MarkReadResponseSchema } from "#gen/parley/message/v1/message_service_pb.js";
import { Code } from "./code.ts";
import { ParleyError } from "./errors.ts";
import { createReadMarks } from "./read-marks.ts";
import { useTestClock } from "./test-clock.ts";

useTestClock();

const aMoment = 400;
/** Longer than all pauses between tries together. */
const aWhile = 600_000;
const away = new ParleyError("away", { reason: "UNAVAILABLE", code: Code.Unavailable });

/** A server that hears what is read, and refuses it as the test says. */
function setUp() {
  const server = { refusal: undefined as unknown, gate: Promise.resolve() };
  const heard: string[] = [];
  const onTold = vi.fn((_roomId: string) => {});
  const marks = createReadMarks(
    {
      async markRead({ roomId, seq }) {
        heard.push(`${roomId} ${seq}`);
        await server.gate;
        if (server.refusal) throw server.refusal;
        return create(MarkReadResponseSchema);
      },
    },
    onTold,
  );
  const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
  return { server, heard, onTold, marks, pass };
}

test("the last of a moment is told, for each room", async () => {
  const { marks, heard, onTold, pass } = setUp();
  for (const seq of [1n, 3n, 2n]) marks.mark("tea", seq);
  marks.mark("milk", 7n);
  expect(heard).toEqual([]);
  await pass(aMoment);
  expect(heard).toEqual(["tea 3", "milk 7"]);
  expect(onTold.mock.calls).toEqual([["tea"], ["milk"]]);
  marks.connected();
  await pass(aWhile);
  expect(heard).toHaveLength(2);
});

test("what is read while another is told is told next, and nothing of before", async () => {
  const { marks, server, heard, pass } = setUp();
  const gate = Promise.withResolvers<void>();
  server.gate = gate.promise;
  marks.mark("tea", 1n);
  await pass(aMoment);
  for (const seq of [1n, 2n, 4n, 3n]) marks.mark("tea", seq);
  await pass(aMoment);
  expect(heard).toEqual(["tea 1"]);
  gate.resolve();
  await pass(aMoment);
  expect(heard).toEqual(["tea 1", "tea 4"]);
});

test("what is read on hearing that it was told is told", async () => {
  const { marks, heard, onTold, pass } = setUp();
  onTold.mockImplementationOnce(() => queueMicrotask(() => marks.mark("tea", 2n)));
  marks.mark("tea", 1n);
  await pass(10 * aMoment);
  expect(heard).toEqual(["tea 1", "tea 2"]);
});

test("what the server doesn't take is told again, and by then the last", async () => {
  const { marks, server, heard, onTold, pass } = setUp();
  server.refusal = away;
  marks.mark("tea", 1n);
  await pass(aMoment);
  expect(heard).toEqual(["tea 1"]);
  expect(onTold).not.toHaveBeenCalled();
  marks.mark("tea", 2n);
  server.refusal = undefined;
  await pass(aWhile);
  expect(heard).toEqual(["tea 1", "tea 2"]);
  expect(onTold).toHaveBeenCalledOnce();
});

test("a server that says how long to wait is left alone so long", async () => {
  const { marks, server, heard, pass } = setUp();
  const { reason, code } = { reason: "RATE_LIMITED", code: Code.ResourceExhausted };
  server.refusal = new ParleyError("slower", { reason, code, retryAfter: 60_000 });
  marks.mark("tea", 1n);
  await pass(aMoment);
  server.refusal = undefined;
  await pass(59_000);
  expect(heard).toHaveLength(1);
  await pass(2_000);
  expect(heard).toHaveLength(2);
});

test("a room that is gone is forgotten", async () => {
  const { marks, server, heard, onTold, pass } = setUp();
  server.refusal = new ParleyError("gone", { reason: "ROOM_NOT_FOUND", code: Code.NotFound });
  marks.mark("tea", 1n);
  await pass(aMoment);
  server.refusal = undefined;
  marks.connected();
  await pass(aWhile);
  expect(heard).toEqual(["tea 1"]);
  expect(onTold).not.toHaveBeenCalled();
});

test("after some failures it is left alone, until it is connected again or more is read", async () => {
  for (const again of [
    ({ marks }: ReturnType<typeof setUp>) => marks.connected(),
    ({ marks }: ReturnType<typeof setUp>) => marks.mark("tea", 2n),
  ]) {
    const world = setUp();
    const { marks, server, heard, onTold, pass } = world;
    server.refusal = away;
    marks.mark("tea", 1n);
    await pass(aWhile);
    const tries = heard.length;
    expect(tries).toBeLessThan(20);
    await pass(aWhile);
    expect(heard).toHaveLength(tries);
    server.refusal = undefined;
    again(world);
    await pass(aMoment);
    expect(heard).toHaveLength(tries + 1);
    expect(onTold).toHaveBeenCalledOnce();
  }
});

test("what one person read isn't told for another", async () => {
  const { marks, server, heard, pass } = setUp();
  marks.mark("tea", 1n);
  marks.clear();
  await pass(aMoment);
  expect(heard).toEqual([]);
  server.refusal = away;
  marks.mark("milk", 1n);
  await pass(aMoment);
  marks.clear();
  server.refusal = undefined;
  marks.connected();
  await pass(aWhile);
  expect(heard).toEqual(["milk 1"]);
  // And what the other reads is, however little it is.
  marks.mark("milk", 1n);
  await pass(aMoment);
  expect(heard).toEqual(["milk 1", "milk 1"]);
});

test("what one person has told isn't told for another who reads as far", async () => {
  const { marks, server, heard, pass } = setUp();
  const gate = Promise.withResolvers<void>();
  server.gate = gate.promise;
  marks.mark("tea", 1n);
  await pass(aMoment);
  marks.clear();
  marks.mark("tea", 1n);
  gate.resolve();
  await pass(aMoment);
  expect(heard).toEqual(["tea 1", "tea 1"]);
});

test("once stopped, what failed waits for the next connection", async () => {
  const { marks, server, heard, pass } = setUp();
  server.refusal = away;
  marks.mark("tea", 1n);
  await pass(aMoment);
  marks.stop();
  await pass(0);
  expect(vi.getTimerCount()).toBe(0);
  const before = heard.length;
  await pass(aWhile);
  expect(heard).toHaveLength(before);
  server.refusal = undefined;
  marks.connected();
  await pass(aMoment);
  expect(heard).toHaveLength(before + 1);
  marks.connected();
  expect(vi.getTimerCount()).toBe(0);
});
