import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { ok, type Person, roomOf, send } from "./api.ts";
import { allCases, createRealtimeWorld, from, message, seqs } from "./realtime-world.ts";

describe.each(allCases)("realtime, resume: $name, $way", (variant) => {
  const { asks } = variant;
  const world = createRealtimeWorld(variant);
  const { online } = world;
  let ada: Person;
  let bob: Person;
  beforeAll(() => {
    [ada, bob] = world.people;
  });

  test("resume: what was missed comes in order, then caughtUp, then what is new", async () => {
    const room = await roomOf(ada, bob);
    await Promise.all(Array.from({ length: 250 }, (_, i) => send(ada, room, `m${i}`)));
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
  });

  test.runIf(asks)("a resume starts a room over from its cursor while connected", async () => {
    const room = await roomOf(ada, bob);
    await send(ada, room, "m");
    const client = await online(bob);
    client.send({ ref: "r", resume: { rooms: [{ roomId: room, afterSeq: "1" }] } });
    expect((await client.next((frame) => frame.ref === "r")).ack).toMatchObject({
      roomId: "",
      seq: "0",
      replayed: false,
    });
    await client.next((frame) => frame.caughtUp?.seq === "3");
    expect(seqs(client, room)).toEqual([2, 3]);
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
    const writer = await world.writer(ada);
    const count = 2500;
    for (let i = 0; i < count; i += 500) {
      const posts = Array.from({ length: 500 }, (_, k) => writer.request(message(room, `m${i + k}`)));
      for (const answer of await Promise.all(posts)) expect(answer).toHaveProperty("ack");
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

  test("the feed, like a room: from a cursor, from its head, reset beyond it", async () => {
    const person = await world.api.register();
    const rooms = [await roomOf(ada, person), await roomOf(ada, person), await roomOf(ada, person)];
    await expect
      .poll(async () => (await ok(person.get("/v1/feed"))).entries.length, { timeout: 10_000 })
      .toBe(3);
    const client = await online(person, { feedAfterSeq: "1" });
    expect((await client.kind("caughtUp")).caughtUp).toEqual({ feed: true, seq: "3" });
    const entries = client.frames.flatMap((frame) => frame.feed ?? []);
    expect(entries.map(({ seq, roomJoined }) => [seq, roomJoined.roomId])).toEqual([
      ["2", rooms[1]],
      ["3", rooms[2]],
    ]);
    const beyond = await online(person, { feedAfterSeq: "99" });
    expect((await beyond.kind("gap")).gap).toEqual({ feed: true, nextSeq: "4", reset: true });
    expect((await beyond.kind("caughtUp")).caughtUp).toEqual({ feed: true, seq: "3" });
    const bare = await online(person);
    await bare.request({ ping: {} });
    expect(bare.frames.filter((frame) => frame.caughtUp || frame.gap || frame.feed)).toEqual([]);
    const fourth = await roomOf(ada, person);
    for (const each of [client, beyond, bare]) {
      const { feed } = await each.next((frame) => frame.feed?.seq === "4");
      expect(feed.roomJoined).toEqual({ roomId: fourth, seq: "2" });
    }
  });

  test.runIf(asks)("a resume is under the hello's epoch", async () => {
    const room = await roomOf(ada, bob);
    const foreign = await online(bob, { epoch: randomUUID() });
    foreign.send({ resume: { rooms: [{ roomId: room, afterSeq: "0" }] } });
    expect((await foreign.kind("gap")).gap).toEqual({ roomId: room, nextSeq: "3", reset: true });
    const { epoch } = foreign.frames[0].ready;
    const own = await online(bob, { epoch, rooms: [{ roomId: room, afterSeq: "0" }] });
    await own.untilSeq(room, 2);
    expect(own.frames.some((frame) => frame.gap)).toBe(false);
  });

  test("a room named over and over starts at the last cursor; several at once each at theirs", async () => {
    const rooms = await Promise.all([roomOf(ada, bob), roomOf(ada, bob), roomOf(ada, bob)]);
    for (const room of rooms) for (let i = 0; i < 5; i++) await send(ada, room, `m${i}`);
    const cursors = rooms.map((roomId, i) => ({ roomId, afterSeq: String(i + 1) }));
    const client = await online(bob, {
      rooms: [...Array(1000).fill({ roomId: rooms[0], afterSeq: "0" }), ...cursors],
    });
    for (const [i, room] of rooms.entries()) {
      await client.next((frame) => frame.caughtUp?.roomId === room);
      expect(seqs(client, room)).toEqual(from(i + 2, 7));
    }
  });

  test.runIf(asks)("of many resumes of a room the last one counts", async () => {
    const room = await roomOf(ada, bob);
    for (let i = 0; i < 5; i++) await send(ada, room, `m${i}`);
    const client = await online(bob, { rooms: [{ roomId: room, afterSeq: "0" }] });
    await client.kind("caughtUp");
    for (let i = 0; i < 200; i++)
      client.send({ resume: { rooms: [{ roomId: room, afterSeq: String(i % 7) }] } });
    client.send({ resume: { rooms: [{ roomId: room, afterSeq: "3" }] } });
    const writer = await online(ada);
    await Promise.all(Array.from({ length: 50 }, (_, i) => writer.request(message(room, `n${i}`))));
    await client.untilSeq(room, 57);
    const seen = seqs(client, room);
    const lastRestart = seen.findLastIndex((seq, i) => i > 0 && seq !== (seen[i - 1] as number) + 1);
    expect(seen.slice(lastRestart)).toEqual(from(seen[lastRestart] as number, 57));
    expect(seen[lastRestart]).toBeLessThanOrEqual(4);
  });
});
