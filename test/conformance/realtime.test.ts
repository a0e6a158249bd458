import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Stack, topologies } from "../stack.ts";
import { type Api, createApi, newClientId, ok, type Person, reasonOf, roomOf, send } from "./api.ts";
import { connect, openSocket, type RealtimeClient, type Subprotocol } from "./realtime-client.ts";

const cases = topologies.flatMap(({ name, start }) =>
  (["parley.v1.json", "parley.v1.proto"] as const).map((subprotocol: Subprotocol) => ({
    name,
    start,
    subprotocol,
  })),
);

describe.each(cases)("realtime: $name, $subprotocol", ({ start, subprotocol }) => {
  let stack: Stack;
  let api: Api;
  let ada: Person;
  let bob: Person;
  let eve: Person;
  const open: RealtimeClient[] = [];

  beforeAll(async () => {
    stack = await start();
    api = createApi(stack.url);
    [ada, bob, eve] = (await api.people(3)) as [Person, Person, Person];
  });
  afterAll(async () => {
    for (const client of open) client.drop();
    await stack[Symbol.asyncDispose]();
  });

  const online = async (person: Person, hello: object = {}) => {
    const client = await connect(stack.url, person.accessToken, { subprotocol, hello });
    open.push(client);
    return client;
  };
  const socket = async () => {
    const client = await openSocket(stack.url, subprotocol);
    open.push(client);
    return client;
  };
  const message = (roomId: string, text: string, more: object = {}) => ({
    send: { roomId, clientId: newClientId(), text, ...more },
  });
  const seqs = (client: RealtimeClient, room: string) =>
    client.events(room).map((event) => Number(event.seq));
  const from = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const failed = (frame: { error?: object }) => reasonOf(frame.error as never);

  test("hello is answered with who one is", async () => {
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

  test("everything that one can do over REST, acked with the event that made it so", async () => {
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

  test("refusals carry the same status as REST, and the connection goes on", async () => {
    const room = await roomOf(ada, bob);
    const client = await online(ada);
    expect(failed(await client.request(message(randomUUID(), "x")))).toBe("ROOM_NOT_FOUND");
    expect(failed(await client.request(message("nonsense", "x")))).toBe("ROOM_NOT_FOUND");
    expect(failed(await client.request(message(room, "")))).toBe("INVALID_ARGUMENT");
    const { error } = await client.request({ send: { roomId: room, clientId: "", text: "" } });
    const rest = await api.call("POST", `/v1/rooms/${room}/messages`, {
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

  test("sends of one connection to one room keep their order", async () => {
    const room = await roomOf(ada);
    const client = await online(ada);
    const texts = Array.from({ length: 300 }, (_, i) => `m${i}`);
    const acks = await Promise.all(texts.map((text) => client.request(message(room, text))));
    expect(acks.map(({ ack }) => Number(ack.seq))).toEqual(from(2, 301));
    await client.untilSeq(room, 301);
    expect(client.events(room).map((event) => event.messagePosted.text)).toEqual(texts);
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

  test("typing reaches the others and is stored nowhere", async () => {
    const room = await roomOf(ada, bob);
    const [one, other] = await Promise.all([online(ada), online(bob)]);
    one.send({ ref: "t", typing: { roomId: room } });
    expect((await other.kind("signal")).signal).toEqual({ roomId: room, userId: ada.userId, typing: {} });
    await one.request({ ping: {} });
    expect(one.frames.some((frame) => frame.signal || frame.ref === "t")).toBe(false);
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

  test("a new access token of the same session prolongs, of another it doesn't", async () => {
    const person = await api.register();
    const client = await online(person);
    const { tokens } = await ok(
      api.call("POST", "/v1/auth/refresh", { body: { refreshToken: person.refreshToken } }),
    );
    expect((await client.request({ refreshToken: { accessToken: tokens.accessToken } })).ack).toMatchObject({
      seq: "0",
    });
    const other = await api.login(person);
    expect(failed(await client.request({ refreshToken: { accessToken: other.accessToken } }))).toBe(
      "UNAUTHENTICATED",
    );
    expect(failed(await client.request({ refreshToken: { accessToken: "nonsense" } }))).toBe(
      "UNAUTHENTICATED",
    );
    const room = await roomOf(person);
    expect((await client.request(message(room, "still"))).ack.seq).toBe("2");
  });

  test("a session that ends closes its connections", async () => {
    const person = await api.register();
    const client = await online(person);
    const started = Date.now();
    await ok(person.post("/v1/auth/logout"));
    expect((await client.kind("goodbye")).goodbye).toMatchObject({ code: 4004, resumable: false });
    expect((await client.closed).code).toBe(4004);
    expect(Date.now() - started).toBeLessThan(2000);
  });

  test("a refused hello gets its error, its goodbye and its code", async () => {
    const token = async (accessToken: string) => {
      const client = await socket();
      client.send({ ref: "h", hello: { accessToken } });
      const { error } = await client.next((frame) => frame.ref === "h");
      const { goodbye } = await client.kind("goodbye");
      return [reasonOf(error), goodbye.code, (await client.closed).code];
    };
    expect(await token("nonsense")).toEqual(["UNAUTHENTICATED", 4002, 4002]);
    const ended = await api.register();
    await ok(ended.post("/v1/auth/logout"));
    await expect.poll(() => ended.get("/v1/users/me").then((answer) => answer.status)).toBe(401);
    expect(await token(ended.accessToken)).toEqual(["SESSION_REVOKED", 4004, 4004]);
    const first = await socket();
    first.send({ ref: "x", ping: {} });
    await first.next((frame) => frame.ref === "x" && frame.error);
    expect((await first.closed).code).toBe(4001);
  });

  test("what is no frame", async () => {
    const wrongOpcode = await online(ada);
    wrongOpcode.sendRaw(subprotocol === "parley.v1.json" ? new Uint8Array([1, 2]) : "{}");
    expect((await wrongOpcode.kind("goodbye")).goodbye.code).toBe(4005);
    expect((await wrongOpcode.closed).code).toBe(4005);
    const garbage = await online(ada);
    garbage.sendRaw(subprotocol === "parley.v1.json" ? "{nonsense" : new Uint8Array([0xff, 0xff, 0xff]));
    expect((await garbage.closed).code).toBe(4005);
    const large = await online(ada);
    const bytes = 128 * 1024 + 1;
    large.sendRaw(
      subprotocol === "parley.v1.json" ? `{"ref":"${"x".repeat(bytes)}"}` : new Uint8Array(bytes),
    );
    expect((await large.closed).code).toBe(1009);
  });

  test("what is JSON but no frame is answered, and too many of it end the connection", async () => {
    if (subprotocol !== "parley.v1.json") return;
    const client = await online(ada);
    for (const raw of ["[]", "1", "null", '"x"']) {
      client.sendRaw(raw);
      const { error } = await client.next((frame) => frame.error && frame.ref === undefined);
      expect(reasonOf(error)).toBe("INVALID_ARGUMENT");
    }
    client.sendRaw('{"ref":"k","unknownKind":{}}');
    expect(failed(await client.next((frame) => frame.ref === "k"))).toBe("INVALID_ARGUMENT");
    client.sendRaw('{"ref":"w","send":{"roomId":5}}');
    expect(failed(await client.next((frame) => frame.ref === "w"))).toBe("INVALID_ARGUMENT");
    client.sendRaw('{"ref":"s","send":{"roomId":"x","clientId":"c","text":"\\ud800"}}');
    expect(failed(await client.next((frame) => frame.ref === "s"))).toBe("INVALID_ARGUMENT");
    expect((await client.request({ ping: {} })).pong).toEqual({});
    for (let i = 0; i < 1000; i++) client.sendRaw("[]");
    expect((await client.kind("goodbye")).goodbye.code).toBe(4006);
    expect((await client.closed).code).toBe(4006);
  });

  test("10,000 frames without reading an answer cost no memory and lose nothing", async () => {
    const room = await roomOf(ada);
    const client = await online(ada);
    client.pause();
    const count = 10_000;
    for (let i = 0; i < count; i++) client.send({ ref: `f${i}`, ...message(room, "x".repeat(100)) });
    await (await online(bob)).request({ ping: {} });
    client.resume();
    await client.next((frame) => frame.ref === `f${count - 1}` && frame.ack, "the last ack");
    await client.untilSeq(room, count + 1);
    expect(seqs(client, room)).toEqual(from(2, count + 1));
  });

  test("a reader that stops is brought up from the log when it reads again", async () => {
    const room = await roomOf(ada, bob);
    const [writer, reader] = await Promise.all([online(ada), online(bob)]);
    reader.pause();
    const text = "x".repeat(4000);
    for (let i = 0; i < 20; i++) {
      await Promise.all(Array.from({ length: 100 }, () => writer.request(message(room, text))));
    }
    reader.resume();
    await reader.untilSeq(room, 2002);
    expect(seqs(reader, room)).toEqual(from(3, 2002));
  });
});

describe.each(cases)("heartbeats: $name, $subprotocol", ({ start, subprotocol }) => {
  test("a silent client is closed, one that answers pings is not", async () => {
    await using stack = await start({ env: { PARLEY_HEARTBEAT_INTERVAL: "1s" } });
    const [ada, bob] = (await createApi(stack.url).people(2)) as [Person, Person];
    const alive = await connect(stack.url, ada.accessToken, { subprotocol });
    const silent = await connect(stack.url, bob.accessToken, { subprotocol });
    silent.pause();
    const since = Date.now();
    // Two intervals, and one until the first ping.
    const elapsed = () => alive.request({ ping: {} }).then(() => Date.now() - since);
    await expect.poll(elapsed, { timeout: 8000, interval: 100 }).toBeGreaterThan(4000);
    silent.resume();
    expect((await silent.kind("goodbye")).goodbye.code).toBe(4007);
    expect((await silent.closed).code).toBe(4007);
    for (const client of [alive, silent]) client.drop();
  });
});
