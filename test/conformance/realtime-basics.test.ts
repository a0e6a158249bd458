import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { ok, type Person, roomOf, send } from "./api.ts";
import { allCases, createRealtimeWorld, failed, from, message, seqs } from "./realtime-world.ts";

describe.each(allCases)("realtime, basics: $name, $way", (variant) => {
  const { asks } = variant;
  const world = createRealtimeWorld(variant);
  const { online, socket } = world;
  let ada: Person;
  let bob: Person;
  let eve: Person;
  beforeAll(() => {
    [ada, bob, eve] = world.people;
  });

  test.runIf(asks)("hello is answered with who one is", async () => {
    const client = await socket();
    client.send({ ref: "1", hello: { accessToken: ada.accessToken } });
    const { ref, ready } = await client.kind("ready");
    expect(ref).toBe("1");
    expect(ready).toEqual({
      connectionId: expect.any(String),
      userId: ada.userId,
      sessionId: expect.any(String),
      heartbeatInterval: "30s",
      feedSeq: expect.stringMatching(/^\d+$/),
      epoch: expect.any(String),
    });
  });

  test("a send is acked and every member gets the event, the sender's connections too", async () => {
    const room = await roomOf(ada, bob);
    const [one, two, other, stranger] = await Promise.all([
      online(ada),
      online(ada),
      online(bob),
      online(eve),
    ]);
    const frame = message(room, "hi");
    const { ack } = await one.request(frame);
    expect(ack).toEqual({ roomId: room, seq: "3", at: expect.any(String), replayed: false });
    for (const client of [one, two, other]) {
      await client.untilSeq(room, 3);
      expect(client.events(room)).toEqual([
        {
          roomId: room,
          seq: "3",
          actorId: ada.userId,
          at: ack.at,
          messagePosted: { clientId: frame.send.clientId, text: "hi", erased: false },
        },
      ]);
    }
    const again = await two.request(frame);
    expect(again.ack).toEqual({ ...ack, replayed: true });
    await stranger.request({ ping: {} });
    expect(stranger.events(room)).toEqual([]);
  });

  test.runIf(asks)("everything that one can do over REST, acked with the event that made it so", async () => {
    const room = await roomOf(ada, bob);
    const client = await online(ada);
    const { seq } = (await client.request(message(room, "one"))).ack;
    const edit = { edit: { roomId: room, seq, text: "two" } };
    const edited = (await client.request(edit)).ack;
    expect(edited).toMatchObject({ seq: "4", replayed: false });
    expect((await client.request(edit)).ack).toEqual({ ...edited, replayed: true });
    const react = { react: { roomId: room, seq, emoji: "❤" } };
    const reacted = (await client.request(react)).ack;
    expect(reacted).toMatchObject({ seq: "5", replayed: false });
    expect((await client.request(react)).ack).toEqual({ ...reacted, replayed: true });
    expect((await client.request({ react: { ...react.react, remove: true } })).ack).toMatchObject({
      seq: "6",
    });
    const deleted = (await client.request({ delete: { roomId: room, seq } })).ack;
    expect(deleted).toMatchObject({ seq: "7", replayed: false });
    expect((await client.request({ delete: { roomId: room, seq } })).ack).toEqual({
      ...deleted,
      replayed: true,
    });
    expect((await client.request({ markRead: { roomId: room, seq: "5" } })).ack).toEqual({
      roomId: room,
      seq: "5",
      replayed: false,
    });
    await client.untilSeq(room, 7);
    expect(seqs(client, room)).toEqual(from(3, 7));
  });

  test.runIf(asks)("refusals carry the same status as REST, and the connection goes on", async () => {
    const room = await roomOf(ada, bob);
    const client = await online(ada);
    expect(failed(await client.request(message(randomUUID(), "x")))).toBe("ROOM_NOT_FOUND");
    expect(failed(await client.request(message("nonsense", "x")))).toBe("ROOM_NOT_FOUND");
    expect(failed(await client.request(message(room, "")))).toBe("INVALID_ARGUMENT");
    const { error } = await client.request({ send: { roomId: room, clientId: "", text: "" } });
    const rest = await world.api.call("POST", `/v1/rooms/${room}/messages`, {
      token: ada.accessToken,
      body: { clientId: "", text: "" },
    });
    expect(error).toEqual(rest.body);
    expect(failed(await client.request({ edit: { roomId: room, seq: "1", text: "x" } }))).toBe(
      "MESSAGE_NOT_FOUND",
    );
    expect(failed(await client.request({ delete: { roomId: room, seq: "99" } }))).toBe("MESSAGE_NOT_FOUND");
    expect(failed(await client.request({ typing: { roomId: randomUUID() } }))).toBe("ROOM_NOT_FOUND");
    expect(failed(await client.request({ hello: { accessToken: ada.accessToken } }))).toBe(
      "INVALID_ARGUMENT",
    );
    expect((await client.request({ ping: {} })).pong).toEqual({});
  });

  test.runIf(asks)("sends of one connection to one room keep their order", async () => {
    const room = await roomOf(ada);
    const client = await online(ada);
    const texts = Array.from({ length: 300 }, (_, i) => `m${i}`);
    const acks = await Promise.all(texts.map((text) => client.request(message(room, text))));
    expect(acks.map(({ ack }) => Number(ack.seq))).toEqual(from(2, 301));
    await client.untilSeq(room, 301);
    expect(client.events(room).map((event) => event.messagePosted.text)).toEqual(texts);
  });

  test("typing reaches the others and is stored nowhere", async () => {
    const room = await roomOf(ada, bob);
    const [one, other] = await Promise.all([online(ada), online(bob)]);
    const typist = await world.writer(ada);
    typist.send({ ref: "t", typing: { roomId: room } });
    expect((await other.kind("signal")).signal).toEqual({ roomId: room, userId: ada.userId, typing: {} });
    for (const client of [one, typist]) {
      await client.request({ ping: {} });
      expect(client.frames.some((frame) => frame.signal || frame.ref === "t")).toBe(false);
    }
  });

  test("the feed is pushed: read elsewhere, invited", async () => {
    const room = await roomOf(ada, bob);
    const client = await online(bob);
    const { seq } = await send(ada, room, "read me");
    await ok(bob.post(`/v1/rooms/${room}:markRead`, { seq }));
    const { feed } = await client.next((frame) => frame.feed?.markedRead?.roomId === room);
    expect(feed.markedRead.readSeq).toBe(seq);
    const other = await roomOf(ada);
    await ok(ada.post(`/v1/rooms/${other}/invitations`, { userId: bob.userId }));
    await client.next((frame) => frame.feed?.invited?.roomId === other);
    const numbers = client.frames.flatMap((frame) => (frame.feed ? [Number(frame.feed.seq)] : []));
    expect(numbers).toEqual(from(numbers[0] as number, numbers.at(-1) as number));
  });

  test.runIf(asks)("an answer has the ref it answers, and none where there was none", async () => {
    const room = await roomOf(ada);
    const client = await online(ada);
    client.send({ ping: {} });
    expect(await client.kind("pong")).toEqual({ pong: {} });
    client.send({ ...message(room, "without") });
    expect((await client.kind("ack")).ref).toBeUndefined();
    client.send({ markRead: { roomId: "nowhere", seq: "1" } });
    const refusal = await client.kind("error");
    expect([refusal.ref, failed(refusal)]).toEqual([undefined, "ROOM_NOT_FOUND"]);
    for (const ref of ["", "constructor", "__proto__", "👍", "x".repeat(256)]) {
      client.send({ ref, ping: {} });
      expect(await client.kind("pong")).toEqual({ ref, pong: {} });
    }
  });

  test.runIf(asks)("a moderator's delete, others' edits and reactions say who did it", async () => {
    const room = await roomOf(ada, bob);
    const [owner, member] = await Promise.all([online(ada), online(bob)]);
    const { seq } = (await member.request(message(room, "bob's"))).ack;
    expect(failed(await owner.request({ edit: { roomId: room, seq, text: "ada's" } }))).toBe("NOT_AUTHOR");
    await owner.request({ react: { roomId: room, seq, emoji: "👍" } });
    const mine = (await owner.request(message(room, "ada's"))).ack;
    expect(failed(await member.request({ delete: { roomId: room, seq: mine.seq } }))).toBe("ROLE_TOO_LOW");
    await owner.request({ delete: { roomId: room, seq } });
    expect(failed(await member.request({ edit: { roomId: room, seq, text: "x" } }))).toBe("MESSAGE_DELETED");
    await member.untilSeq(room, 6);
    expect(member.events(room).map((event) => [event.actorId, Object.keys(event).at(-1)])).toEqual([
      [bob.userId, "messagePosted"],
      [ada.userId, "reactionAdded"],
      [ada.userId, "messagePosted"],
      [ada.userId, "messageDeleted"],
    ]);
  });

  test.runIf(asks)("who types hears nothing of it, on no connection, nor do strangers", async () => {
    const room = await roomOf(ada, bob);
    const [one, two, other, stranger] = await Promise.all([
      online(ada),
      online(ada),
      online(bob),
      online(eve),
    ]);
    one.send({ typing: { roomId: room } });
    await other.kind("signal");
    expect(failed(await stranger.request({ typing: { roomId: room } }))).toBe("ROOM_NOT_FOUND");
    for (const client of [one, two, stranger]) {
      await client.request({ ping: {} });
      expect(client.frames.filter((frame) => frame.signal)).toEqual([]);
    }
  });
});
