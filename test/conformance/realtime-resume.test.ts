import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { type Person, roomOf, send } from "./api.ts";
import { createRealtimeWorld, from, message, realtimeCases, seqs } from "./realtime-world.ts";

describe.each(realtimeCases)("realtime, resume: $name, $subprotocol", (variant) => {
  const world = createRealtimeWorld(variant);
  const { online } = world;
  let ada: Person;
  let bob: Person;
  beforeAll(() => {
    [ada, bob] = world.people;
  });

  test("resume: what was missed comes in order, then caughtUp, then what is new", async () => {
    const room = await roomOf(ada, bob);
    for (let i = 0; i < 250; i++) await send(ada, room, `m${i}`);
    const client = await online(bob, { rooms: [{ roomId: room, afterSeq: "100" }], feedAfterSeq: "0" });
    expect((await client.next((frame) => frame.caughtUp?.roomId)).caughtUp).toEqual({
      roomId: room,
      seq: "252",
    });
    await client.next((frame) => frame.caughtUp?.feed === true);
    await send(ada, room, "new");
    await client.untilSeq(room, 253);
    expect(seqs(client, room)).toEqual(from(101, 253));
    expect(client.frames.some((frame) => frame.feed?.roomJoined?.roomId === room)).toBe(true);

    client.send({ ref: "r", resume: { rooms: [{ roomId: room, afterSeq: "251" }] } });
    expect((await client.next((frame) => frame.ref === "r")).ack).toMatchObject({
      roomId: "",
      seq: "0",
      replayed: false,
    });
    await client.next((frame) => frame.caughtUp?.seq === "253");
    expect(seqs(client, room).slice(-2)).toEqual([252, 253]);
  });

  test("a room without a cursor begins at its head; one that one is not in is gone", async () => {
    const room = await roomOf(ada, bob);
    const elsewhere = randomUUID();
    const client = await online(bob, {
      rooms: [{ roomId: room }, { roomId: elsewhere }, { roomId: "nonsense" }],
    });
    expect((await client.kind("caughtUp")).caughtUp).toEqual({ roomId: room, seq: "2" });
    expect((await client.kind("roomGone")).roomGone).toEqual({ roomId: elsewhere });
    expect((await client.kind("roomGone")).roomGone).toEqual({ roomId: "nonsense" });
  });

  test("a cursor of another epoch or beyond the head is reset", async () => {
    const room = await roomOf(ada, bob);
    const beyond = await online(bob, { rooms: [{ roomId: room, afterSeq: "50" }] });
    expect((await beyond.kind("gap")).gap).toEqual({ roomId: room, nextSeq: "3", reset: true });
    expect((await beyond.kind("caughtUp")).caughtUp).toEqual({ roomId: room, seq: "2" });
    const other = await online(bob, {
      rooms: [{ roomId: room, afterSeq: "1" }],
      feedAfterSeq: "0",
      epoch: randomUUID(),
    });
    expect((await other.next((frame) => frame.gap?.roomId)).gap).toMatchObject({ nextSeq: "3", reset: true });
    expect((await other.next((frame) => frame.gap?.feed)).gap.reset).toBe(true);
    await send(ada, room, "on");
    for (const client of [beyond, other]) {
      await client.untilSeq(room, 3);
      expect(seqs(client, room)).toEqual([3]);
    }
  });

  test("far behind: a gap that leaves out none of the last 1,000", async () => {
    const room = await roomOf(ada, bob);
    const writer = await online(ada);
    const count = 2500;
    for (let i = 0; i < count; i += 500) {
      await Promise.all(Array.from({ length: 500 }, (_, k) => writer.request(message(room, `m${i + k}`))));
    }
    const head = count + 2;
    const client = await online(bob, { rooms: [{ roomId: room, afterSeq: "1" }] });
    await client.next((frame) => frame.caughtUp?.seq === String(head));
    const gap = client.frames.find((frame) => frame.gap)?.gap;
    const first = gap ? Number(gap.nextSeq) : 2;
    expect(first).toBeLessThanOrEqual(head - 999);
    if (gap) expect(gap).toMatchObject({ roomId: room, reset: false });
    expect(seqs(client, room)).toEqual(from(first, head));
  });
});
