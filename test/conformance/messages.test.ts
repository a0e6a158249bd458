import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Api,
  badFields,
  newClientId,
  ok,
  openApi,
  type Person,
  refused,
  roomOf,
  send,
  timelineOf,
} from "./api.ts";
import { settings } from "./settings.ts";

describe.each(settings)("messages: $name", ({ running, surface }) => {
  let api: Api;
  let ada: Person;
  let bob: Person;
  let eve: Person;

  beforeAll(async () => {
    api = await openApi(await running(), surface);
    [ada, bob, eve] = (await api.people(3)) as [Person, Person, Person];
  });
  afterAll(() => api.close());

  const at = (room: string, seq: string | number) => `/v1/rooms/${room}/messages/${seq}`;
  const post = (author: Person, room: string, body: object) =>
    author.post(`/v1/rooms/${room}/messages`, body);
  const get = async (reader: Person, room: string, seq: string) =>
    (await ok(reader.get(at(room, seq)))).message;
  const react = (person: Person, room: string, seq: string, emoji: string) =>
    person.put(`${at(room, seq)}/reactions/${encodeURIComponent(emoji)}`);
  const unreact = (person: Person, room: string, seq: string, emoji: string) =>
    person.delete(`${at(room, seq)}/reactions/${encodeURIComponent(emoji)}`);

  test("a post takes the room's next seq and is what everybody reads", async () => {
    const room = await roomOf(ada, bob);
    const text = '  héllo 👋🏽\n\ttabs and "quotes" \u2028 ';
    const { message, replayed } = await ok(post(ada, room, { clientId: "c1", text }));
    expect(replayed).toBe(false);
    expect(message).toEqual({
      roomId: room,
      seq: "3",
      authorId: ada.userId,
      clientId: "c1",
      text,
      sentAt: expect.any(String),
      reactions: [],
    });
    expect(await get(bob, room, "3")).toEqual(message);
    expect((await timelineOf(bob, room)).at(-1)).toEqual({
      roomId: room,
      seq: "3",
      actorId: ada.userId,
      at: message.sentAt,
      messagePosted: { clientId: "c1", text, erased: false },
    });
  });

  test("the same client id posts once, on whatever is first sent", async () => {
    const room = await roomOf(ada, bob);
    const body = { clientId: newClientId(), text: "once", replyToSeq: undefined };
    const answers = await Promise.all(Array.from({ length: 8 }, () => ok(post(ada, room, body))));
    expect(new Set(answers.map(({ message }) => message.seq))).toEqual(new Set(["3"]));
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    await refused(post(ada, room, { ...body, text: "twice" }), 409, "CLIENT_ID_REUSED");
    await refused(post(ada, room, { ...body, replyToSeq: "3" }), 409, "CLIENT_ID_REUSED");
    expect((await ok(post(bob, room, body))).replayed).toBe(false);
    await ok(ada.patch(at(room, "3"), { text: "edited" }));
    const replay = await ok(post(ada, room, body));
    expect(replay).toMatchObject({ replayed: true, message: { seq: "3", text: "edited" } });
    await refused(post(ada, room, { ...body, text: "edited" }), 409, "CLIENT_ID_REUSED");
    await ok(ada.delete(at(room, "3")));
    const gone = await ok(post(ada, room, { ...body, text: "whatever" }));
    expect(gone).toMatchObject({ replayed: true, message: { seq: "3", text: "" } });
    expect(gone.message.deletedAt).toBeDefined();
  });

  test("replies name a message of the room, deleted or not", async () => {
    const room = await roomOf(ada, bob);
    const first = await send(ada, room, "first");
    expect((await send(bob, room, "re", { replyToSeq: first.seq })).replyToSeq).toBe(first.seq);
    for (const replyToSeq of ["1", "999"]) {
      await refused(
        post(ada, room, { clientId: newClientId(), text: "re", replyToSeq }),
        404,
        "MESSAGE_NOT_FOUND",
      );
    }
    await ok(ada.delete(at(room, first.seq)));
    await send(bob, room, "re deleted", { replyToSeq: first.seq });
    expect(await badFields(post(ada, room, { clientId: "c", text: "t", replyToSeq: "0" }))).toEqual([
      "reply_to_seq",
    ]);
  });

  test("authors edit their own; the same text makes no event", async () => {
    const room = await roomOf(ada, bob);
    const { seq } = await send(ada, room, "one");
    await refused(bob.patch(at(room, seq), { text: "x" }), 403, "NOT_AUTHOR");
    await refused(ada.patch(at(room, "1"), { text: "x" }), 404, "MESSAGE_NOT_FOUND");
    await refused(ada.patch(at(room, "999"), { text: "x" }), 404, "MESSAGE_NOT_FOUND");
    const edited = (await ok(ada.patch(at(room, seq), { text: "two" }))).message;
    expect(edited).toMatchObject({ seq, text: "two", editedAt: expect.any(String) });
    expect((await ok(ada.patch(at(room, seq), { text: "two" }))).message).toEqual(edited);
    const events = await timelineOf(bob, room);
    expect(events.filter((event) => event.messageEdited)).toEqual([
      expect.objectContaining({
        messageEdited: { messageSeq: seq, text: "two", erased: false },
        at: edited.editedAt,
      }),
    ]);
    expect(events.find((event) => event.seq === seq).messagePosted.text).toBe("one");
  });

  test("deleting erases the post and all its edits, and keeps their places", async () => {
    const room = await roomOf(ada, bob);
    const { seq } = await send(ada, room, "secret one");
    await ok(ada.patch(at(room, seq), { text: "secret two" }));
    await ok(react(bob, room, seq, "👍"));
    expect(await ok(ada.delete(at(room, seq)))).toEqual({});
    expect(await ok(ada.delete(at(room, seq)))).toEqual({});
    const message = await get(bob, room, seq);
    expect(message).toMatchObject({ text: "", reactions: [], deletedAt: expect.any(String) });
    const events = await timelineOf(bob, room);
    expect(JSON.stringify(events)).not.toContain("secret");
    expect(events.map((event) => event.seq)).toEqual(events.map((_, i) => String(i + 1)));
    expect(events.find((event) => event.seq === seq).messagePosted).toMatchObject({ text: "", erased: true });
    expect(events.find((event) => event.messageEdited).messageEdited).toMatchObject({
      text: "",
      erased: true,
    });
    expect(events.filter((event) => event.messageDeleted)).toHaveLength(1);
    await refused(ada.patch(at(room, seq), { text: "back" }), 400, "MESSAGE_DELETED");
    await refused(react(bob, room, seq, "👍"), 400, "MESSAGE_DELETED");
    expect((await ok(bob.get(`/v1/rooms/${room}/messages`))).messages).toEqual([message]);
  });

  test("moderators delete others' messages, of people below them", async () => {
    const room = await roomOf(ada, bob, eve);
    const ofAda = await send(ada, room, "owner's");
    const ofEve = await send(eve, room, "member's");
    await refused(bob.delete(at(room, ofEve.seq)), 403, "ROLE_TOO_LOW");
    await ok(ada.patch(`/v1/rooms/${room}/members/${bob.userId}`, { role: "ROLE_MODERATOR" }));
    await refused(bob.delete(at(room, ofAda.seq)), 403, "ROLE_TOO_LOW");
    await refused(bob.delete(at(room, "1")), 404, "MESSAGE_NOT_FOUND");
    await ok(bob.delete(at(room, ofEve.seq)));
    expect((await timelineOf(ada, room)).at(-1)).toMatchObject({
      actorId: bob.userId,
      messageDeleted: { messageSeq: ofEve.seq },
    });
  });

  test("reactions: once a person and emoji, with or without variation selector the same", async () => {
    const room = await roomOf(ada, bob);
    const { seq } = await send(ada, room, "hi");
    await ok(react(ada, room, seq, "❤"));
    const twice = (await ok(react(ada, room, seq, "❤️"))).message;
    expect(twice.reactions).toEqual([{ emoji: "❤️", count: 1, mine: true }]);
    const both = (await ok(react(bob, room, seq, "👩🏽‍💻"))).message;
    expect(both.reactions).toEqual([
      { emoji: "❤️", count: 1, mine: false },
      { emoji: "👩🏽‍💻", count: 1, mine: true },
    ]);
    expect((await ok(unreact(ada, room, seq, "❤"))).message.reactions).toEqual([
      { emoji: "👩🏽‍💻", count: 1, mine: false },
    ]);
    expect((await ok(unreact(ada, room, seq, "❤"))).message.reactions).toHaveLength(1);
    const events = (await timelineOf(ada, room)).filter(
      (event) => event.reactionAdded || event.reactionRemoved,
    );
    expect(events.map(({ reactionAdded, reactionRemoved }) => reactionAdded ?? reactionRemoved)).toEqual([
      { messageSeq: seq, emoji: "❤️" },
      { messageSeq: seq, emoji: "👩🏽‍💻" },
      { messageSeq: seq, emoji: "❤️" },
    ]);
    for (const emoji of ["x", "👍👍", "1", "hello", "👍x"]) {
      expect(await badFields(react(ada, room, seq, emoji))).toEqual(["emoji"]);
    }
    await refused(react(ada, room, "1", "👍"), 404, "MESSAGE_NOT_FOUND");
  });

  test("at most 50 different emoji a message", async () => {
    const room = await roomOf(ada, bob);
    const { seq } = await send(ada, room, "hi");
    const emoji = Array.from({ length: 51 }, (_, i) => String.fromCodePoint(0x1f400 + i));
    for (const each of emoji.slice(0, 50)) await ok(react(ada, room, seq, each));
    await refused(react(ada, room, seq, emoji[50] as string), 400, "LIMIT_REACHED");
    await ok(react(bob, room, seq, emoji[0] as string));
  });

  test("pages, by every combination of bounds", async () => {
    const room = await roomOf(ada);
    for (let i = 0; i < 7; i++) await send(ada, room, `m${i}`);
    await ok(react(ada, room, "4", "👍"));
    const list = async (query: string) => {
      const { messages, hasMore } = await ok(ada.get(`/v1/rooms/${room}/messages?${query}`));
      return [messages.map((message: { seq: string }) => Number(message.seq)), hasMore];
    };
    expect(await list("")).toEqual([[2, 3, 4, 5, 6, 7, 8], false]);
    expect(await list("pageSize=3")).toEqual([[6, 7, 8], true]);
    expect(await list("pageSize=3&beforeSeq=6")).toEqual([[3, 4, 5], true]);
    expect(await list("pageSize=3&beforeSeq=5")).toEqual([[2, 3, 4], false]);
    expect(await list("pageSize=3&afterSeq=0")).toEqual([[2, 3, 4], true]);
    expect(await list("pageSize=3&afterSeq=5")).toEqual([[6, 7, 8], false]);
    expect(await list("pageSize=3&afterSeq=2&beforeSeq=8")).toEqual([[3, 4, 5], true]);
    expect(await list("afterSeq=2&beforeSeq=5")).toEqual([[3, 4], false]);
    expect(await list("afterSeq=8")).toEqual([[], false]);
    expect(await list("beforeSeq=0")).toEqual([[], false]);
    expect(await list("afterSeq=&beforeSeq=&pageSize=")).toEqual([[2, 3, 4, 5, 6, 7, 8], false]);
    const events = async (query: string) => {
      const page = await ok(ada.get(`/v1/rooms/${room}/timeline?${query}`));
      return [page.events.map((event: { seq: string }) => Number(event.seq)), page.hasMore];
    };
    expect(await events("")).toEqual([[1, 2, 3, 4, 5, 6, 7, 8, 9], false]);
    expect(await events("pageSize=2")).toEqual([[8, 9], true]);
    expect(await events("pageSize=2&afterSeq=0")).toEqual([[1, 2], true]);
    expect(await events("pageSize=2&beforeSeq=3")).toEqual([[1, 2], false]);
    for (const query of ["pageSize=0", "pageSize=201", "pageSize=x", "afterSeq=-1", "beforeSeq=1.5"]) {
      const field = { p: "page_size", a: "after_seq", b: "before_seq" }[query[0] as "p"];
      expect(await badFields(ada.get(`/v1/rooms/${room}/messages?${query}`))).toEqual([field]);
      expect(await badFields(ada.get(`/v1/rooms/${room}/timeline?${query}`))).toEqual([field]);
    }
  });

  test("text: every bound, and what is no text", async () => {
    const room = await roomOf(ada);
    const bad = (body: object) => badFields(post(ada, room, body));
    expect(await bad({})).toEqual(["client_id", "text"]);
    expect(await bad({ clientId: "x".repeat(65), text: "👍".repeat(8001) })).toEqual(["client_id", "text"]);
    expect(await bad({ clientId: "sp ace", text: "" })).toEqual(["client_id", "text"]);
    expect(await bad({ clientId: "é", text: "nul \0 inside" })).toEqual(["client_id", "text"]);
    expect(await bad({ clientId: "c", text: "\ud800 alone" })).toEqual(["text"]);
    expect(await bad({ clientId: "c", text: 5 })).toEqual(["text"]);
    expect(await timelineOf(ada, room)).toHaveLength(1);
    const longest = "👍".repeat(8000);
    expect((await send(ada, room, longest, { clientId: "x".repeat(64), unknownField: 1 })).text).toBe(
      longest,
    );
    expect(await badFields(ada.patch(at(room, "2"), { text: "" }))).toEqual(["text"]);
    expect(await badFields(ada.get(at(room, "two")))).toEqual(["seq"]);
  });
});
