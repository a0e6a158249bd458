import { beforeAll, describe, expect, test } from "vitest";
import { ok, type Person, roomOf, send, timelineOf } from "./api.ts";
import { allCases, createRealtimeWorld, failed, from, message, seqs } from "./realtime-world.ts";

describe.each(allCases)("realtime, membership: $name, $way", (variant) => {
  const { asks } = variant;
  const world = createRealtimeWorld(variant);
  const { online } = world;
  let ada: Person;
  let bob: Person;
  let eve: Person;
  beforeAll(() => {
    [ada, bob, eve] = world.people;
  });

  test("who joins sees the room from their own memberJoined, who is removed sees that last", async () => {
    const room = await roomOf(ada);
    await send(ada, room, "before");
    const client = await online(bob);
    const { code } = await ok(ada.post(`/v1/rooms/${room}/invitations`));
    await ok(bob.post("/v1/invitations:accept", { code }));
    await send(ada, room, "while in");
    await client.untilSeq(room, 4);
    await ok(ada.delete(`/v1/rooms/${room}/members/${bob.userId}`));
    await client.untilSeq(room, 5);
    await send(ada, room, "after");
    expect(failed(await client.request(message(room, "still here?")))).toBe("ROOM_NOT_FOUND");
    await client.next((frame) => frame.feed?.roomLeft?.roomId === room);
    const again = await ok(ada.post(`/v1/rooms/${room}/invitations`));
    await ok(bob.post("/v1/invitations:accept", { code: again.code }));
    await client.untilSeq(room, 7);
    expect(seqs(client, room)).toEqual([3, 4, 5, 7]);
    expect(client.events(room)[0].memberJoined.userId).toBe(bob.userId);
    expect(client.events(room)[2].memberRemoved.userId).toBe(bob.userId);
    expect((await client.request(message(room, "back"))).ack.seq).toBe("8");
  });

  test("a deleted room ends with roomDeleted", async () => {
    const room = await roomOf(ada, bob);
    const client = await online(bob);
    await ok(ada.delete(`/v1/rooms/${room}`));
    await client.untilSeq(room, 3);
    expect(client.events(room)).toEqual([expect.objectContaining({ seq: "3", roomDeleted: {} })]);
    const back = await online(bob, { rooms: [{ roomId: room, afterSeq: "0" }] });
    expect((await back.kind("roomGone")).roomGone).toEqual({ roomId: room });
  });

  test("a room made while connected begins with one's own join, for everybody in it", async () => {
    const clients = await Promise.all([online(ada), online(bob), online(eve)]);
    const room = await roomOf(ada, bob, eve);
    await send(ada, room, "first");
    for (const [i, client] of clients.entries()) {
      await client.untilSeq(room, 4);
      expect(seqs(client, room)).toEqual(from(i + 1, 4));
      expect(client.events(room)[0].memberJoined.userId).toBe(world.people[i]?.userId);
    }
  });

  test("who leaves sees that last; others see it and go on", async () => {
    const room = await roomOf(ada, bob);
    const [stays, leaves] = await Promise.all([online(ada), online(bob)]);
    await ok(bob.post(`/v1/rooms/${room}:leave`));
    await send(ada, room, "alone");
    await stays.untilSeq(room, 4);
    expect(seqs(stays, room)).toEqual([3, 4]);
    await leaves.next((frame) => frame.feed?.roomLeft?.roomId === room);
    expect(leaves.events(room)).toEqual([
      expect.objectContaining({ seq: "3", memberLeft: { userId: bob.userId } }),
    ]);
    if (asks) leaves.send({ resume: { rooms: [{ roomId: room, afterSeq: "0" }] } });
    const gone = asks ? leaves : await online(bob, { rooms: [{ roomId: room, afterSeq: "0" }] });
    expect((await gone.kind("roomGone")).roomGone).toEqual({ roomId: room });

    await ok(ada.post(`/v1/rooms/${room}:leave`));
    const { feed } = await stays.next((frame) => frame.feed?.roomLeft?.roomId === room);
    expect(feed.roomLeft.reason).toBe("ROOM_LEFT_REASON_LEFT");
    await stays.request({ ping: {} });
    expect(stays.events(room).at(-1)).toMatchObject({ seq: "5", memberLeft: { userId: ada.userId } });
  });

  test("roles and names change before everybody's eyes", async () => {
    const room = await roomOf(ada, bob);
    const client = await online(bob);
    await ok(ada.patch(`/v1/rooms/${room}/members/${bob.userId}`, { role: "ROLE_MODERATOR" }));
    await ok(ada.patch(`/v1/rooms/${room}`, { name: "new", topic: "too" }));
    await client.untilSeq(room, 4);
    expect(client.events(room)).toEqual([
      expect.objectContaining({ seq: "3", roleChanged: { userId: bob.userId, role: "ROLE_MODERATOR" } }),
      expect.objectContaining({ seq: "4", roomUpdated: { name: "new", topic: "too" } }),
    ]);
  });

  test("a storm of joins and leaves: each stay is seen whole, from its join to its leave", async () => {
    const room = await roomOf(ada);
    const { code } = await ok(ada.post(`/v1/rooms/${room}/invitations`));
    const [writer, guest, steady] = await Promise.all([world.writer(ada), online(bob), online(ada)]);
    let writing = true;
    const writes = (async () => {
      while (writing) await writer.request(message(room, "m"));
    })();
    for (let i = 0; i < 15; i++) {
      await ok(bob.post("/v1/invitations:accept", { code }));
      await ok(bob.post(`/v1/rooms/${room}:leave`));
    }
    writing = false;
    await writes;
    const events = await timelineOf(ada, room);
    const stays: number[][] = [];
    for (const event of events) {
      if (event.memberJoined?.userId === bob.userId) stays.push([Number(event.seq)]);
      if (event.memberLeft?.userId === bob.userId) stays.at(-1)?.push(Number(event.seq));
    }
    expect(stays).toHaveLength(15);
    const last = stays.at(-1)?.[1] as number;
    await guest.untilSeq(room, last);
    expect(seqs(guest, room)).toEqual(
      stays.flatMap(([join, leave]) => from(join as number, leave as number)),
    );
    await steady.untilSeq(room, events.length);
    expect(seqs(steady, room)).toEqual(from(2, events.length));
  });
});
