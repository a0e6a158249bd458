import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createFrame, joinFrames } from "./server-frame.ts";
import { createStreamSink } from "./stream-sink.ts";

const ack = (seq: number) => createFrame({ kind: { case: "ack", value: { seq: BigInt(seq) } } });
const goodbye = createFrame({ kind: { case: "goodbye", value: { code: 4000 } } });

function open() {
  const told: string[] = [];
  const sink = createStreamSink({
    taken: () => void told.push("taken"),
    drained: () => void told.push("drained"),
    ended: () => void told.push("ended"),
  });
  const frames = sink.frames();
  /** What the reader takes next, in a word; undefined at the end. */
  const take = async () => {
    const { value } = await frames.next();
    const kind = value?.frame?.kind;
    return kind?.case === "ack" ? Number(kind.value.seq) : kind?.case;
  };
  return { sink, frames, take, told };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("what was written is taken in order, and counts until it is", async () => {
  const { sink, take, told } = open();
  sink.write([ack(1), joinFrames([ack(2), ack(3)])]);
  const bytes = [1, 2, 3].map((seq) => ack(seq).bytes("proto").length);
  expect(sink.unsent).toBe(bytes.reduce((sum, each) => sum + each, 0));
  expect([await take(), await take()]).toEqual([1, 2]);
  expect(sink.unsent).toBe(bytes[2]);
  expect(told).toEqual(["taken", "taken"]);
  expect(await take()).toBe(3);
  expect(sink.unsent).toBe(0);
  expect(told).toEqual(["taken", "taken", "taken", "drained"]);
});

test("a reader that waits gets what comes", async () => {
  const { sink, take } = open();
  const first = take();
  sink.write([ack(1)]);
  expect(await first).toBe(1);
  const second = take();
  sink.ping();
  expect(await second).toBe("heartbeat");
});

test("one frame is one object for all who get it", async () => {
  const frame = ack(1);
  const [one, two] = [open(), open()];
  for (const { sink } of [one, two]) sink.write([frame]);
  expect((await one.frames.next()).value).toBe((await two.frames.next()).value);
});

test("no heartbeat comes before the first frame", async () => {
  const { sink, take, told } = open();
  const first = take();
  sink.ping();
  expect(told).toEqual(["taken"]);
  sink.write([ack(1)]);
  sink.ping();
  expect([await first, await take()]).toEqual([1, "heartbeat"]);
});

test("a close lets the reader have everything, then ends", async () => {
  const { sink, take, told } = open();
  const first = take();
  sink.write([ack(1), goodbye]);
  sink.close(4000, "");
  sink.write([ack(2)]);
  expect([await first, await take()]).toEqual([1, "goodbye"]);
  expect(told).not.toContain("ended");
  expect(await take()).toBeUndefined();
  expect(told.at(-1)).toBe("ended");
  vi.runAllTimers();
  expect(told.filter((each) => each === "ended")).toHaveLength(1);
});

test("who does not fetch what is left in time finds only the goodbye", async () => {
  const { sink, take, told } = open();
  sink.write([ack(1), ack(2)]);
  expect(await take()).toBe(1);
  sink.write([goodbye]);
  sink.close(4000, "");
  vi.advanceTimersByTime(2999);
  expect(told).not.toContain("ended");
  vi.advanceTimersByTime(1);
  expect(told.at(-1)).toBe("ended");
  expect([await take(), await take()]).toEqual(["goodbye", undefined]);
});

test("who leaves leaves nothing behind, also while waiting", async () => {
  const { sink, frames, take, told } = open();
  const waiting = take();
  sink.leave();
  expect(told).toEqual(["ended"]);
  expect(await waiting).toBeUndefined();

  const other = open();
  other.sink.write([ack(1), ack(2)]);
  await other.take();
  await other.frames.return();
  expect(other.told.at(-1)).toBe("ended");
  await frames.return();
  expect(told).toEqual(["ended"]);
});

test("a close before anybody reads ends it at once", () => {
  const { sink, told } = open();
  sink.write([goodbye]);
  sink.close(4000, "");
  expect(told).toEqual(["ended"]);
});
