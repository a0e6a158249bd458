import { describe, expect, test } from "vitest";
import { createApi, newClientId, ok, type Person, roomOf, timelineOf } from "../conformance/api.ts";
import { connect, type RealtimeClient } from "../conformance/realtime-client.ts";
import { topologies } from "../stack.ts";

interface Sent {
  roomId: string;
  clientId: string;
  text: string;
  /** As acknowledged; undefined if no ack came. */
  seq: number | undefined;
}

const senders = 200;
const roomCount = 4;

/**
 * The process dies with 200 people sending. Afterwards every acked message is there once and in order, every other at
 * most once, sending all again doubles none, and receivers that resume see no hole and no repeat.
 */
describe.each(topologies)("kill -9: $name", ({ start }) => {
  test("in the middle of 200 concurrent senders", { timeout: 120_000 }, async () => {
    await using stack = await start();
    const api = createApi(stack.url);
    const people = await api.people(10);
    const rooms = await Promise.all(
      Array.from({ length: roomCount }, () => roomOf(people[0] as Person, ...people.slice(1))),
    );
    const receiver = await connect(stack.socketUrl, (people[0] as Person).accessToken);
    const connections = await Promise.all(
      Array.from({ length: senders }, (_, i) =>
        connect(stack.socketUrl, (people[i % people.length] as Person).accessToken),
      ),
    );

    const sent: Sent[] = [];
    let acked = 0;
    const enough = Promise.withResolvers<void>();
    const loops = connections.map(async (connection, i) => {
      for (let n = 0; ; n++) {
        const message = {
          roomId: rooms[(i + n) % roomCount] as string,
          clientId: newClientId(),
          text: `${i}/${n}`,
        };
        const record: Sent = { ...message, seq: undefined };
        sent.push(record);
        const answer = await connection.request({ send: message }).catch(() => undefined);
        if (!answer?.ack) return;
        record.seq = Number(answer.ack.seq);
        if (++acked === 3000) enough.resolve();
      }
    });
    await enough.promise;
    await stack.kill();
    await Promise.all(loops);
    await receiver.closed;
    expect(sent.some((message) => message.seq === undefined)).toBe(true);

    await stack.start();
    const reader = people[0] as Person;
    for (const room of rooms)
      expectOnceEach(
        await timelineOf(reader, room),
        sent.filter((message) => message.roomId === room),
      );

    // Everything again, by its client id and author: nothing is doubled, acked ones answer what they answered.
    const again = await Promise.all(people.map((person) => connect(stack.socketUrl, person.accessToken)));
    for (const message of sent) {
      const author = Number(message.text.split("/")[0]) % people.length;
      const { roomId, clientId, text } = message;
      const { ack } = await (again[author] as RealtimeClient).request({ send: { roomId, clientId, text } });
      if (message.seq !== undefined) expect(ack).toMatchObject({ seq: String(message.seq), replayed: true });
      message.seq = Number(ack.seq);
    }
    for (const room of rooms) {
      const events = await timelineOf(reader, room);
      const mine = sent.filter((message) => message.roomId === room);
      expectOnceEach(events, mine);
      expect(events.filter((event) => event.messagePosted)).toHaveLength(mine.length);
    }

    // The receiver comes back with the cursors it had.
    const cursors = rooms.map((roomId) => ({
      roomId,
      afterSeq: receiver.events(roomId).at(-1)?.seq ?? "10",
    }));
    const resumed = await connect(stack.socketUrl, reader.accessToken, { hello: { rooms: cursors } });
    for (const { roomId, afterSeq } of cursors) {
      await resumed.next((frame) => frame.caughtUp?.roomId === roomId);
      const seen = [...receiver.events(roomId), ...resumed.events(roomId)].map((event) => Number(event.seq));
      const head = (await timelineOf(reader, roomId)).length;
      expect(resumed.frames.some((frame) => frame.gap?.roomId === roomId && frame.gap.reset)).toBe(false);
      const gap = resumed.frames.find((frame) => frame.gap?.roomId === roomId)?.gap;
      const first = gap ? Number(gap.nextSeq) : Number(afterSeq) + 1;
      expect(resumed.events(roomId).map((event) => Number(event.seq))).toEqual(range(first, head));
      expect(receiver.events(roomId).map((event) => Number(event.seq))).toEqual(range(11, Number(afterSeq)));
      expect(new Set(seen).size).toBe(seen.length);
    }
    for (const client of [...again, resumed]) client.drop();
    await ok(reader.get("/v1/users/me"));
  });
});

const range = (first: number, last: number) =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);

/** The log has no hole, every client id at most once, and each acked message at the seq that was acked. */
function expectOnceEach(
  events: { seq: string; messagePosted?: { clientId: string; text: string } }[],
  sent: Sent[],
): void {
  expect(events.map((event) => Number(event.seq))).toEqual(range(1, events.length));
  const posted = events.flatMap((event) => (event.messagePosted ? [event.messagePosted.clientId] : []));
  expect(new Set(posted).size).toBe(posted.length);
  for (const message of sent) {
    if (message.seq === undefined) continue;
    expect(events[message.seq - 1]?.messagePosted).toMatchObject({
      clientId: message.clientId,
      text: message.text,
    });
  }
}
