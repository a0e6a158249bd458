import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Api, badFields, ok, openApi, type Person, refused, roomOf, send } from "./api.ts";
import { settings } from "./settings.ts";

/** What holds for every call: tokens, the order in which one is checked, ids, pages, how answers are written. */
describe.each(settings)("asking: $name", ({ running, surface }) => {
  let api: Api;
  let ada: Person;
  let bob: Person;
  let eve: Person;

  beforeAll(async () => {
    api = await openApi(await running(), surface);
    [ada, bob, eve] = (await api.people(3)) as [Person, Person, Person];
  });
  afterAll(() => api.close());

  const directRoom = async (one: Person, other: Person) =>
    (await ok(one.post("/v1/rooms:direct", { userId: other.userId }))).room.roomId;

  test("every call but the four that need none wants a token, before anything else", async () => {
    const calls = [
      "POST /v1/auth/logout",
      "POST /v1/auth/password",
      "GET /v1/auth/sessions?pageSize=0",
      "DELETE /v1/auth/sessions/x",
      "GET /v1/users/me",
      "PATCH /v1/users/me",
      "GET /v1/users/x",
      "POST /v1/users:batchGet",
      "GET /v1/users?query=",
      "POST /v1/rooms",
      "POST /v1/rooms:direct",
      "GET /v1/rooms/x",
      "GET /v1/rooms",
      "PATCH /v1/rooms/x",
      "DELETE /v1/rooms/x",
      "GET /v1/rooms/x/members",
      "PATCH /v1/rooms/x/members/y",
      "DELETE /v1/rooms/x/members/y",
      "POST /v1/rooms/x:leave",
      "POST /v1/rooms/x/invitations",
      "GET /v1/rooms/x/invitations",
      "DELETE /v1/rooms/x/invitations/y",
      "POST /v1/invitations:accept",
      "POST /v1/rooms/x/messages",
      "GET /v1/rooms/x/messages/1",
      "GET /v1/rooms/x/messages",
      "PATCH /v1/rooms/x/messages/1",
      "DELETE /v1/rooms/x/messages/1",
      "PUT /v1/rooms/x/messages/1/reactions/y",
      "DELETE /v1/rooms/x/messages/1/reactions/y",
      "GET /v1/rooms/x/timeline",
      "POST /v1/rooms/x:markRead",
      "GET /v1/inbox",
      "GET /v1/feed",
    ];
    for (const call of calls) {
      const [method, path] = call.split(" ") as [string, string];
      const body = ["GET", "DELETE"].includes(method) ? {} : { body: {} };
      await refused(api.call(method, path, body), 401, "UNAUTHENTICATED");
    }
  });

  test("rules of the fields come before the room, the room before its kind, the message before the role", async () => {
    const nowhere = `/v1/rooms/${randomUUID()}`;
    expect(await badFields(ada.post(`${nowhere}/messages`, { clientId: "", text: "" }))).toEqual([
      "client_id",
      "text",
    ]);
    expect(await badFields(ada.get(`${nowhere}/messages?pageSize=0`))).toEqual(["page_size"]);
    expect(await badFields(ada.get(`${nowhere}/timeline?afterSeq=-1`))).toEqual(["after_seq"]);
    expect(await badFields(ada.patch(`${nowhere}/messages/1`, { text: "" }))).toEqual(["text"]);
    expect(await badFields(ada.patch(`${nowhere}/members/x`, {}))).toEqual(["role"]);
    expect(await badFields(ada.post(`${nowhere}/invitations`, { maxUses: 0 }))).toEqual(["max_uses"]);
    expect(await badFields(ada.put(`${nowhere}/messages/1/reactions/x`))).toEqual(["emoji"]);
    expect(await badFields(ada.post(`${nowhere}:markRead`, { seq: -1 }))).toEqual(["seq"]);

    const direct = `/v1/rooms/${await directRoom(ada, bob)}`;
    await refused(eve.post(`${direct}:leave`), 404, "ROOM_NOT_FOUND");
    await refused(eve.patch(direct, { name: "ours" }), 404, "ROOM_NOT_FOUND");
    await refused(ada.patch(`${direct}/members/${eve.userId}`, { role: "ROLE_ADMIN" }), 400, "DIRECT_ROOM");
    await refused(ada.delete(`${direct}/members/${eve.userId}`), 400, "DIRECT_ROOM");
    await refused(ada.get(`${direct}/invitations`), 400, "DIRECT_ROOM");

    const group = `/v1/rooms/${await roomOf(ada, bob)}`;
    await refused(
      bob.patch(`${group}/members/${eve.userId}`, { role: "ROLE_ADMIN" }),
      404,
      "MEMBER_NOT_FOUND",
    );
    await refused(bob.delete(`${group}/messages/99`), 404, "MESSAGE_NOT_FOUND");
    await refused(bob.delete(`${group}/messages/1`), 404, "MESSAGE_NOT_FOUND");
  });

  test("what is no id where one belongs is an unknown one, whatever it is", async () => {
    const room = await roomOf(ada, bob);
    const { invitation } = await ok(ada.post(`/v1/rooms/${room}/invitations`));
    const odd = ["x", "a:b", "%F0%9F%91%8D", "__proto__", "x".repeat(5000), "%2F"];
    for (const id of [...odd, room.toUpperCase(), room.replaceAll("-", "")]) {
      await refused(ada.get(`/v1/rooms/${id}`), 404, "ROOM_NOT_FOUND");
      await refused(ada.get(`/v1/users/${id}`), 404, "USER_NOT_FOUND");
      await refused(ada.delete(`/v1/auth/sessions/${id}`), 404, "SESSION_NOT_FOUND");
      await refused(ada.post("/v1/rooms:direct", { userId: decodeURIComponent(id) }), 404, "USER_NOT_FOUND");
      const memberIds = [decodeURIComponent(id)];
      await refused(ada.post("/v1/rooms", { name: "n", memberIds }), 404, "USER_NOT_FOUND");
    }
    const listed = () => ok(ada.get(`/v1/rooms/${room}/invitations`));
    await ada.delete(`/v1/rooms/${room}/invitations/${invitation.invitationId.toUpperCase()}`);
    expect((await listed()).invitations).toHaveLength(1);
    await ada.delete(`/v1/rooms/${room}/members/${bob.userId.toUpperCase()}`);
    expect((await ok(ada.get(`/v1/rooms/${room}`))).room.memberCount).toBe(2);
  });

  test("all lists: page sizes, tokens, order, an empty last token", async () => {
    const owner = await api.register();
    const room = await roomOf(owner, ada, bob, eve);
    for (let i = 0; i < 3; i++) await ok(owner.post(`/v1/rooms/${room}/invitations`));
    for (let i = 0; i < 3; i++) await api.login(owner);
    await roomOf(owner);
    await roomOf(owner);
    const lists: [path: string, name: string][] = [
      ["/v1/auth/sessions", "sessions"],
      ["/v1/rooms", "rooms"],
      ["/v1/inbox", "items"],
      [`/v1/rooms/${room}/members`, "members"],
      [`/v1/rooms/${room}/invitations`, "invitations"],
    ];
    for (const [path, name] of lists) {
      for (const size of ["0", "-1", "201", "x", "1.5", "99999999999", "1&pageSize=2"]) {
        expect(await badFields(owner.get(`${path}?pageSize=${size}`)), path).toEqual(["page_size"]);
      }
      for (const token of ["x", "%00", "%F0%9F%91%8D", "AAAA", "x".repeat(2000)]) {
        expect(await badFields(owner.get(`${path}?pageToken=${token}`)), path).toEqual(["page_token"]);
      }
      const whole = await ok(owner.get(`${path}?pageSize=200&pageToken=`));
      expect(whole.nextPageToken).toBe("");
      expect(whole[name].length).toBeGreaterThanOrEqual(3);
      const paged = [];
      for (let token = "", more = true; more; more = token !== "") {
        const page = await ok(owner.get(`${path}?pageSize=1&pageToken=${encodeURIComponent(token)}`));
        expect(page[name]).toHaveLength(1);
        paged.push(...page[name]);
        token = page.nextPageToken;
      }
      expect(paged).toEqual(whole[name]);
      for (const time of ["createdAt", "joinedAt"]) {
        // A time at a whole second has no fraction, so that text is not in the order of time.
        const times: number[] = whole[name].flatMap((each: Record<string, string>) =>
          each[time] === undefined ? [] : Date.parse(each[time]),
        );
        expect(times).toEqual(times.toSorted((a, b) => a - b));
      }
    }
  });

  test("answers are Protobuf JSON: defaults written, optional ones absent, int64 as strings, RFC 3339", async () => {
    const room = await roomOf(ada);
    expect(await ok(ada.get(`/v1/rooms/${room}/messages`))).toEqual({ messages: [], hasMore: false });
    const items = (await ok(ada.get("/v1/inbox?pageSize=200"))).items;
    const item = items.find((each: { roomId: string }) => each.roomId === room);
    expect(item).toEqual({ roomId: room, lastSeq: "1", readSeq: "1", unreadCount: 0 });
    const message = await send(ada, room, "t");
    expect(Object.keys(message).sort()).toEqual(
      ["authorId", "clientId", "reactions", "roomId", "sentAt", "seq", "text"].sort(),
    );
    expect(message.sentAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/);
    const { room: asRead } = await ok(ada.get(`/v1/rooms/${room}`));
    expect(asRead).toMatchObject({ topic: "", memberCount: 1 });
  });

  test("a body is taken in either of Protobuf JSON's spellings, never in both", async () => {
    const room = await roomOf(ada);
    const path = `/v1/rooms/${room}/messages`;
    const { message } = await ok(ada.post(path, { client_id: "snake", text: "t", room_id: "elsewhere" }));
    expect(message).toMatchObject({ clientId: "snake", roomId: room });
    await refused(ada.post(path, { client_id: "a", clientId: "b", text: "t" }), 400, "INVALID_ARGUMENT");
    expect((await ok(ada.post(path, { clientId: "null", text: "t", replyToSeq: null }))).replayed).toBe(
      false,
    );
    expect((await ok(ada.get(`${path}?after_seq=2`))).messages).toHaveLength(1);
  });
});
