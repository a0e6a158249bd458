import { randomUUID } from "node:crypto";
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
  timelineOf,
} from "./api.ts";
import { settings } from "./settings.ts";

type Member = { userId: string; role: string };

describe.each(settings)("rooms: $name", ({ running, surface }) => {
  let api: Api;
  let people: Person[];

  beforeAll(async () => {
    api = await openApi(await running(), surface);
    people = await api.people(5);
  });
  afterAll(() => api.close());

  const member = (room: string, person: Person) => `/v1/rooms/${room}/members/${person.userId}`;
  const roles = async (reader: Person, room: string) =>
    Object.fromEntries(
      (await ok(reader.get(`/v1/rooms/${room}/members`))).members.map((each: Member) => [
        each.userId,
        each.role,
      ]),
    );

  test("a new room begins with its creator and then the others in the order given", async () => {
    const [ada, bob, eve] = people as [Person, Person, Person];
    const memberIds = [eve.userId, bob.userId, eve.userId, ada.userId];
    const { room, replayed } = await ok(
      ada.post("/v1/rooms", { name: "Tea", topic: "Earl Grey", memberIds }),
    );
    expect(replayed).toBe(false);
    expect(room).toEqual({
      roomId: expect.any(String),
      kind: "ROOM_KIND_GROUP",
      name: "Tea",
      topic: "Earl Grey",
      createdAt: expect.any(String),
      myRole: "ROLE_OWNER",
      memberCount: 3,
    });
    const events = await timelineOf(bob, room.roomId);
    expect(events.map(({ seq, actorId, memberJoined }) => ({ seq, actorId, ...memberJoined }))).toEqual([
      { seq: "1", actorId: ada.userId, userId: ada.userId, role: "ROLE_OWNER" },
      { seq: "2", actorId: ada.userId, userId: eve.userId, role: "ROLE_MEMBER" },
      { seq: "3", actorId: ada.userId, userId: bob.userId, role: "ROLE_MEMBER" },
    ]);
    const listed = await ok(ada.get(`/v1/rooms/${room.roomId}/members`));
    expect(listed.members.map((each: Member) => each.userId)).toEqual([ada.userId, eve.userId, bob.userId]);
  });

  test("unknown members refuse the whole; every fault is listed", async () => {
    const [ada] = people as [Person];
    const before = (await ok(ada.get("/v1/rooms?pageSize=200"))).rooms.length;
    await refused(ada.post("/v1/rooms", { name: "x", memberIds: [randomUUID()] }), 404, "USER_NOT_FOUND");
    const bad = { name: "", topic: "x".repeat(501), clientId: "with space", memberIds: Array(101).fill("x") };
    expect(await badFields(ada.post("/v1/rooms", bad))).toEqual(["client_id", "member_ids", "name", "topic"]);
    expect((await ok(ada.get("/v1/rooms?pageSize=200"))).rooms).toHaveLength(before);
  });

  test("a client id makes one room", async () => {
    const [ada, bob] = people as [Person, Person];
    const body = { name: "once", memberIds: [bob.userId], clientId: newClientId() };
    const [one, two] = await Promise.all([ok(ada.post("/v1/rooms", body)), ok(ada.post("/v1/rooms", body))]);
    expect(one.room.roomId).toBe(two.room.roomId);
    expect([one.replayed, two.replayed].sort()).toEqual([false, true]);
    await refused(ada.post("/v1/rooms", { ...body, name: "twice" }), 409, "CLIENT_ID_REUSED");
    expect((await ok(bob.post("/v1/rooms", { ...body, memberIds: [] }))).replayed).toBe(false);
    await ok(ada.delete(`/v1/rooms/${one.room.roomId}`));
    expect((await ok(ada.post("/v1/rooms", body))).replayed).toBe(false);
  });

  test("strangers see no room, whatever they ask", async () => {
    const [ada, bob] = people as [Person, Person];
    const room = await roomOf(ada);
    for (const path of [room, randomUUID(), "nonsense", room.toUpperCase()]) {
      const reader = path === room ? bob : ada;
      await refused(reader.get(`/v1/rooms/${path}`), 404, "ROOM_NOT_FOUND");
      await refused(reader.patch(`/v1/rooms/${path}`, { name: "x" }), 404, "ROOM_NOT_FOUND");
      await refused(reader.delete(`/v1/rooms/${path}`), 404, "ROOM_NOT_FOUND");
      await refused(reader.get(`/v1/rooms/${path}/members`), 404, "ROOM_NOT_FOUND");
      await refused(
        reader.patch(`/v1/rooms/${path}/members/${ada.userId}`, { role: "ROLE_ADMIN" }),
        404,
        "ROOM_NOT_FOUND",
      );
      await refused(reader.delete(`/v1/rooms/${path}/members/${ada.userId}`), 404, "ROOM_NOT_FOUND");
      await refused(reader.post(`/v1/rooms/${path}:leave`), 404, "ROOM_NOT_FOUND");
      await refused(reader.post(`/v1/rooms/${path}/invitations`), 404, "ROOM_NOT_FOUND");
      await refused(reader.get(`/v1/rooms/${path}/invitations`), 404, "ROOM_NOT_FOUND");
      await refused(reader.get(`/v1/rooms/${path}/messages`), 404, "ROOM_NOT_FOUND");
      await refused(reader.get(`/v1/rooms/${path}/timeline`), 404, "ROOM_NOT_FOUND");
      await refused(reader.get(`/v1/rooms/${path}/messages/1`), 404, "ROOM_NOT_FOUND");
      await refused(
        reader.post(`/v1/rooms/${path}/messages`, { clientId: "c", text: "t" }),
        404,
        "ROOM_NOT_FOUND",
      );
      await refused(reader.post(`/v1/rooms/${path}:markRead`, { seq: "1" }), 404, "ROOM_NOT_FOUND");
    }
    expect(await badFields(bob.patch(`/v1/rooms/${room}`, { name: "" }))).toEqual(["name"]);
  });

  test("rooms are listed oldest first and paged", async () => {
    const ada = await api.register();
    const made = [await roomOf(ada), await roomOf(ada), await roomOf(ada)];
    const first = await ok(ada.get("/v1/rooms?pageSize=2"));
    const second = await ok(
      ada.get(`/v1/rooms?pageSize=2&pageToken=${encodeURIComponent(first.nextPageToken)}`),
    );
    expect([...first.rooms, ...second.rooms].map((room) => room.roomId)).toEqual(made);
    expect(second.nextPageToken).toBe("");
    expect(await badFields(ada.get("/v1/rooms?pageToken=%21"))).toEqual(["page_token"]);
  });

  test("renaming is for admins and owners; the same again makes no event", async () => {
    const [ada, bob] = people as [Person, Person];
    const room = await roomOf(ada, bob);
    await refused(bob.patch(`/v1/rooms/${room}`, { name: "mine" }), 403, "ROLE_TOO_LOW");
    expect((await ok(ada.patch(`/v1/rooms/${room}`, { topic: "t" }))).room).toMatchObject({
      name: "room",
      topic: "t",
    });
    await ok(ada.patch(`/v1/rooms/${room}`, { name: "room" }));
    await ok(ada.patch(`/v1/rooms/${room}`, {}));
    expect((await ok(ada.patch(`/v1/rooms/${room}`, { topic: "" }))).room.topic).toBe("");
    const updates = (await timelineOf(bob, room)).flatMap((event) => event.roomUpdated ?? []);
    expect(updates).toEqual([
      { name: "room", topic: "t" },
      { name: "room", topic: "" },
    ]);
  });

  test("roles: below one's own, of people below; owners anyone", async () => {
    const [ada, bob, eve, dan] = people as [Person, Person, Person, Person];
    const room = await roomOf(ada, bob, eve, dan);
    const set = (actor: Person, who: Person, role: string) => actor.patch(member(room, who), { role });
    await refused(set(bob, eve, "ROLE_MODERATOR"), 403, "ROLE_TOO_LOW");
    expect((await ok(set(ada, bob, "ROLE_ADMIN"))).member).toMatchObject({
      userId: bob.userId,
      role: "ROLE_ADMIN",
    });
    await ok(set(bob, eve, "ROLE_MODERATOR"));
    await refused(set(bob, dan, "ROLE_ADMIN"), 403, "ROLE_TOO_LOW");
    await refused(set(bob, ada, "ROLE_MEMBER"), 403, "ROLE_TOO_LOW");
    await refused(set(eve, dan, "ROLE_MODERATOR"), 403, "ROLE_TOO_LOW");
    await refused(set(ada, people[4] as Person, "ROLE_MEMBER"), 404, "MEMBER_NOT_FOUND");
    await refused(
      ada.patch(`/v1/rooms/${room}/members/nobody`, { role: "ROLE_MEMBER" }),
      404,
      "MEMBER_NOT_FOUND",
    );
    for (const role of ["ROLE_UNSPECIFIED", "ROLE_KING", 77]) {
      expect(await badFields(ada.patch(member(room, bob), { role }))).toEqual(["role"]);
    }
    expect(await badFields(ada.patch(member(room, bob), {}))).toEqual(["role"]);
    await refused(set(ada, ada, "ROLE_MEMBER"), 400, "LAST_OWNER");
    await ok(set(ada, bob, "ROLE_OWNER"));
    await ok(set(bob, ada, "ROLE_MEMBER"));
    await ok(set(bob, ada, "ROLE_MEMBER"));
    expect(await roles(dan, room)).toEqual({
      [ada.userId]: "ROLE_MEMBER",
      [bob.userId]: "ROLE_OWNER",
      [eve.userId]: "ROLE_MODERATOR",
      [dan.userId]: "ROLE_MEMBER",
    });
    expect((await timelineOf(dan, room)).filter((event) => event.roleChanged)).toHaveLength(4);
  });

  test("removing: who is lower, once; who is removed is a stranger", async () => {
    const [ada, bob, eve] = people as [Person, Person, Person];
    const room = await roomOf(ada, bob, eve);
    await refused(bob.delete(member(room, eve)), 403, "ROLE_TOO_LOW");
    await ok(ada.patch(member(room, bob), { role: "ROLE_MODERATOR" }));
    await refused(bob.delete(member(room, ada)), 403, "ROLE_TOO_LOW");
    expect(await ok(bob.delete(member(room, eve)))).toEqual({});
    expect(await ok(bob.delete(member(room, eve)))).toEqual({});
    await refused(eve.get(`/v1/rooms/${room}`), 404, "ROOM_NOT_FOUND");
    await refused(eve.get(`/v1/rooms/${room}/timeline`), 404, "ROOM_NOT_FOUND");
    const removals = (await timelineOf(ada, room)).filter((event) => event.memberRemoved);
    expect(removals.map(({ actorId, memberRemoved }) => ({ actorId, memberRemoved }))).toEqual([
      { actorId: bob.userId, memberRemoved: { userId: eve.userId } },
    ]);
  });

  test("leaving: not as the last owner while others are in; the last person deletes the room", async () => {
    const [ada, bob] = people as [Person, Person];
    const room = await roomOf(ada, bob);
    await refused(ada.post(`/v1/rooms/${room}:leave`), 400, "LAST_OWNER");
    await refused(ada.delete(member(room, ada)), 400, "LAST_OWNER");
    expect(await ok(bob.delete(member(room, bob)))).toEqual({});
    expect((await timelineOf(ada, room)).at(-1)).toMatchObject({
      actorId: bob.userId,
      memberLeft: { userId: bob.userId },
    });
    expect(await ok(ada.post(`/v1/rooms/${room}:leave`))).toEqual({});
    await refused(ada.get(`/v1/rooms/${room}`), 404, "ROOM_NOT_FOUND");
    await refused(ada.post(`/v1/rooms/${room}:leave`), 404, "ROOM_NOT_FOUND");
  });

  test("deleting is for owners", async () => {
    const [ada, bob] = people as [Person, Person];
    const room = await roomOf(ada, bob);
    await ok(ada.patch(member(room, bob), { role: "ROLE_ADMIN" }));
    await refused(bob.delete(`/v1/rooms/${room}`), 403, "ROLE_TOO_LOW");
    expect(await ok(ada.delete(`/v1/rooms/${room}`))).toEqual({});
    await refused(ada.delete(`/v1/rooms/${room}`), 404, "ROOM_NOT_FOUND");
    await refused(bob.get(`/v1/rooms/${room}/messages`), 404, "ROOM_NOT_FOUND");
    expect(
      (await ok(bob.get("/v1/inbox?pageSize=200"))).items.map((item: { roomId: string }) => item.roomId),
    ).not.toContain(room);
  });

  test("a direct room is the same for both, and refuses what groups do", async () => {
    const [ada, bob] = (await api.people(2)) as [Person, Person];
    const open = (one: Person, other: Person) => one.post("/v1/rooms:direct", { userId: other.userId });
    const both = await Promise.all([ok(open(ada, bob)), ok(open(bob, ada)), ok(open(ada, bob))]);
    const { roomId } = both[0].room;
    expect(both.map(({ room }) => room.roomId)).toEqual([roomId, roomId, roomId]);
    expect(both[0].room).toMatchObject({
      kind: "ROOM_KIND_DIRECT",
      name: "",
      topic: "",
      myRole: "ROLE_MEMBER",
      memberCount: 2,
    });
    await refused(open(ada, ada), 400, "DIRECT_ROOM");
    await refused(ada.post("/v1/rooms:direct", { userId: randomUUID() }), 404, "USER_NOT_FOUND");
    await refused(ada.post(`/v1/rooms/${roomId}:leave`), 400, "DIRECT_ROOM");
    await refused(ada.delete(member(roomId, bob)), 400, "DIRECT_ROOM");
    await refused(ada.post(`/v1/rooms/${roomId}/invitations`), 400, "DIRECT_ROOM");
    await refused(ada.patch(`/v1/rooms/${roomId}`, { name: "us" }), 400, "DIRECT_ROOM");
    await refused(ada.delete(`/v1/rooms/${roomId}`), 400, "DIRECT_ROOM");
    await refused(ada.patch(member(roomId, bob), { role: "ROLE_ADMIN" }), 400, "DIRECT_ROOM");
  });
});
