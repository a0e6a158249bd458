import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { TimelineEventSchema } from "#gen/parley/message/v1/timeline_pb.js";
import { keptByGap } from "./catch-up.ts";
import type { Connection } from "./connection.ts";
import type { LiveLog } from "./live-log.ts";
import { createEventFrame } from "./server-frame.ts";
import { createTestClients, type TestClient, turns, until } from "./test-connection.ts";

/** A room of `head` events in memory; `add` appends one and pushes it as a room channel does. */
function createRoom(options: { head: number; known?: number; firstSeq?: number; failPages?: number }) {
  let head = options.head;
  let failures = options.failPages ?? 0;
  const live = new Set<Connection>();
  const frame = (seq: number) =>
    createEventFrame(create(TimelineEventSchema, { roomId: "r", seq: BigInt(seq) }));
  const room = {
    where: { case: "roomId", value: "r" } as const,
    seq: options.known ?? head,
    live,
    async page(after: number) {
      if (failures-- > 0) throw new Error("unavailable");
      const start = Math.max(after, (options.firstSeq ?? 1) - 1);
      const frames = [];
      for (let seq = start + 1; seq <= Math.min(head, start + 50); seq++) frames.push(frame(seq));
      return { frames, firstSeq: options.firstSeq ?? 1 };
    },
    async refresh() {
      room.seq = head;
    },
    add(count = 1) {
      for (let i = 0; i < count; i++) {
        head++;
        const before = room.seq;
        room.seq = head;
        for (const connection of live) {
          if (connection.slow) {
            live.delete(connection);
            connection.lag(room, before);
          } else {
            connection.push(frame(head));
          }
        }
      }
    },
  } satisfies LiveLog & { add(count?: number): void };
  return room;
}

const seqs = (client: TestClient) => client.seen.flatMap(({ event }) => (event ? [Number(event.seq)] : []));
const upTo = (n: number, from = 1) => Array.from({ length: n - from + 1 }, (_, i) => from + i);
const caughtUp = (client: TestClient) => client.seen.find((frame) => frame.caughtUp)?.caughtUp;

describe("catch-up", () => {
  const connect = createTestClients();

  test("a cursor is brought up, announced, and live from then on", async () => {
    const room = createRoom({ head: 230 });
    const client = connect();
    client.connection.restart(room, 7, keptByGap);
    room.add(3);
    await until(() => room.live.has(client.connection));
    room.add(2);
    await turns();
    expect(seqs(client)).toEqual(upTo(235, 8));
    expect(client.seen.filter((frame) => frame.caughtUp)).toHaveLength(1);
    expect(client.connection.lags?.size).toBe(0);
  });

  test("a cursor at the head is announced in the same turn", () => {
    const room = createRoom({ head: 4 });
    const client = connect();
    client.connection.restart(room, 4, keptByGap);
    client.connection.flush();
    expect(client.seen).toEqual([{ caughtUp: { roomId: "r", seq: "4" } }]);
  });

  test("a slow reader is not pushed to, and gets everything once it drains", async () => {
    const room = createRoom({ head: 0 });
    const client = connect();
    client.connection.begin(room, 0);
    client.stall();
    room.add(2);
    await turns();
    expect(client.connection.slow).toBe(true);
    expect(client.reading).toBe(false);
    room.add(300);
    await turns();
    expect(seqs(client)).toEqual([1, 2]);
    client.drain();
    room.add(3);
    await until(() => room.live.has(client.connection));
    room.add(1);
    await turns();
    expect(seqs(client)).toEqual(upTo(306));
    expect(client.reading).toBe(true);
    expect(caughtUp(client)).toBeUndefined();
  });

  test("a reader that stalls while it catches up goes on where it stopped", async () => {
    const room = createRoom({ head: 400 });
    const client = connect();
    client.stall();
    client.connection.restart(room, 0, keptByGap);
    await until(() => client.connection.slow);
    const before = seqs(client).length;
    await turns(10);
    expect(seqs(client)).toHaveLength(before);
    client.drain();
    await until(() => caughtUp(client) !== undefined);
    expect(seqs(client)).toEqual(upTo(400));
  });

  test("more than is replayed is left out with a gap, but never the last 1,000", async () => {
    const room = createRoom({ head: 2500 });
    const client = connect();
    client.connection.restart(room, 1499, keptByGap);
    await until(() => caughtUp(client) !== undefined);
    expect(client.seen[0]).toEqual({ gap: { roomId: "r", nextSeq: "1501", reset: false } });
    expect(seqs(client)).toEqual(upTo(2500, 1501));

    const near = connect();
    near.connection.restart(room, 1500, keptByGap);
    await until(() => caughtUp(near) !== undefined);
    expect(near.seen.some((frame) => frame.gap)).toBe(false);
    expect(seqs(near)).toEqual(upTo(2500, 1501));
  });

  test("what is no longer kept is left out with a gap", async () => {
    const room = createRoom({ head: 90, firstSeq: 60 });
    const client = connect();
    client.connection.restart(room, 10, keptByGap);
    await until(() => caughtUp(client) !== undefined);
    expect(client.seen[0]).toEqual({ gap: { roomId: "r", nextSeq: "60", reset: false } });
    expect(seqs(client)).toEqual(upTo(90, 60));
  });

  test("a cursor beyond what is known here is beyond the head only if the log says so", async () => {
    const behind = createRoom({ head: 30, known: 20 });
    const client = connect();
    client.connection.restart(behind, 25, keptByGap);
    await until(() => caughtUp(client) !== undefined);
    expect(seqs(client)).toEqual(upTo(30, 26));

    const lost = connect();
    lost.connection.restart(behind, 31, keptByGap);
    await until(() => caughtUp(lost) !== undefined);
    expect(lost.seen).toEqual([
      { gap: { roomId: "r", nextSeq: "31", reset: true } },
      { caughtUp: { roomId: "r", seq: "30" } },
    ]);
  });

  test("who left while behind gets what they were in for, and what came after they joined again", async () => {
    const room = createRoom({ head: 10 });
    const client = connect();
    client.connection.restart(room, 2, keptByGap);
    client.connection.finish(room, 10);
    room.add(5);
    client.connection.begin(room, 13);
    await until(() => room.live.has(client.connection));
    room.add();
    await turns();
    expect(seqs(client)).toEqual([...upTo(10, 3), ...upTo(16, 14)]);
    expect(client.seen.filter((frame) => frame.caughtUp)).toHaveLength(1);
  });

  test("the event that ended a membership comes even from a cursor far behind, or ahead", async () => {
    for (const cursor of [100, 9000]) {
      const room = createRoom({ head: 3000 });
      const client = connect();
      client.connection.slow = true;
      client.connection.restart(room, cursor, keptByGap);
      client.connection.finish(room, 3000);
      room.add(2000);
      client.drain();
      await until(() => client.connection.lags?.size === 0);
      await turns();
      expect(seqs(client).at(-1)).toBe(3000);
      expect(client.seen[0]?.gap?.reset).toBe(cursor === 9000);
      expect(room.live.size).toBe(0);
    }
  });

  test("pages that can't be read are asked for again", async () => {
    const room = createRoom({ head: 120, failPages: 3 });
    const client = connect();
    client.connection.restart(room, 0, keptByGap);
    await until(() => caughtUp(client) !== undefined);
    expect(seqs(client)).toEqual(upTo(120));
  });

  test("stops with the connection", async () => {
    const room = createRoom({ head: 5, failPages: Number.POSITIVE_INFINITY });
    const client = connect();
    client.connection.restart(room, 0, keptByGap);
    client.connection.closed = true;
    await until(() => !client.connection.catchingUp);
    expect(room.live.size).toBe(0);
  });
});
