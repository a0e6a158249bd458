import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Api, badFields, ok, openApi, type Person, refused, roomOf, send } from "./api.ts";
import { settings } from "./settings.ts";

describe.each(settings)("inbox and feed: $name", ({ running, surface }) => {
  let api: Api;

  beforeAll(async () => {
    api = await openApi(await running(), surface);
  });
  afterAll(() => api.close());

  const inbox = async (person: Person) => (await ok(person.get("/v1/inbox"))).items;
  const markRead = (person: Person, room: string, seq: number | string) =>
    person.post(`/v1/rooms/${room}:markRead`, { seq: String(seq) });
  const feed = async (person: Person) => (await ok(person.get("/v1/feed?pageSize=200"))).entries;

  test("unread counts posts by others after the marker, deleted ones too", async () => {
    const [ada, bob] = (await api.people(2)) as [Person, Person];
    const room = await roomOf(ada, bob);
    await send(ada, room, "one");
    await send(bob, room, "own");
    await send(ada, room, "two");
    const last = await send(ada, room, "three");
    const [item] = await inbox(bob);
    expect(item).toMatchObject({
      roomId: room,
      lastSeq: "6",
      readSeq: "2",
      unreadCount: 3,
      lastMessage: { seq: last.seq },
    });
    expect(await ok(markRead(bob, room, 3))).toEqual({ readSeq: "3", unreadCount: 2 });
    await ok(ada.delete(`/v1/rooms/${room}/messages/${last.seq}`));
    expect(await ok(markRead(bob, room, 1))).toEqual({ readSeq: "3", unreadCount: 2 });
    const [after] = await inbox(bob);
    expect(after).toMatchObject({ lastSeq: "7", unreadCount: 2, lastMessage: { text: "two" } });
    expect(await ok(markRead(bob, room, 999))).toEqual({ readSeq: "7", unreadCount: 0 });
    expect(await badFields(markRead(bob, room, -1))).toEqual(["seq"]);
  });

  test("the marker starts at one's join, anew at each", async () => {
    const [ada, bob] = (await api.people(2)) as [Person, Person];
    const room = await roomOf(ada, bob);
    await send(ada, room, "one");
    await ok(ada.delete(`/v1/rooms/${room}/members/${bob.userId}`));
    await send(ada, room, "two");
    expect(await inbox(bob)).toEqual([]);
    const { code } = await ok(ada.post(`/v1/rooms/${room}/invitations`));
    await ok(bob.post("/v1/invitations:accept", { code }));
    expect(await inbox(bob)).toMatchObject([{ roomId: room, readSeq: "6", lastSeq: "6", unreadCount: 0 }]);
    await send(ada, room, "three");
    expect((await inbox(bob))[0].unreadCount).toBe(1);
  });

  test("latest activity first, paged", async () => {
    const [ada, bob] = (await api.people(2)) as [Person, Person];
    const rooms = [await roomOf(ada, bob), await roomOf(ada, bob), await roomOf(ada, bob)] as const;
    await send(ada, rooms[0], "newest");
    const order = (await inbox(bob)).map((item: { roomId: string }) => item.roomId);
    expect(order).toEqual([rooms[0], rooms[2], rooms[1]]);
    const first = await ok(bob.get("/v1/inbox?pageSize=2"));
    const second = await ok(
      bob.get(`/v1/inbox?pageSize=2&pageToken=${encodeURIComponent(first.nextPageToken)}`),
    );
    expect([...first.items, ...second.items].map((item) => item.roomId)).toEqual(order);
    expect(second.nextPageToken).toBe("");
    expect(await badFields(bob.get("/v1/inbox?pageToken=nonsense"))).toEqual(["page_token"]);
  });

  test("the feed: joined, invited, left and why, read; numbered without a gap", async () => {
    const [ada, bob] = (await api.people(2)) as [Person, Person];
    const room = await roomOf(ada, bob);
    const other = await roomOf(ada, bob);
    const third = await roomOf(ada, bob);
    await ok(bob.post(`/v1/rooms/${room}:leave`));
    await ok(ada.delete(`/v1/rooms/${other}/members/${bob.userId}`));
    await ok(ada.delete(`/v1/rooms/${third}`));
    await expect.poll(async () => (await feed(bob)).length, { timeout: 10_000 }).toBeGreaterThanOrEqual(6);
    const entries = await feed(bob);
    expect(entries.map((entry: { seq: string }) => entry.seq)).toEqual(
      entries.map((_: unknown, i: number) => String(i + 1)),
    );
    const bodies = entries.map(({ seq, at, ...body }: { seq: string; at: string }) => body);
    expect(bodies).toEqual([
      { roomJoined: { roomId: room, seq: "2" } },
      { roomJoined: { roomId: other, seq: "2" } },
      { roomJoined: { roomId: third, seq: "2" } },
      { roomLeft: { roomId: room, reason: "ROOM_LEFT_REASON_LEFT" } },
      { roomLeft: { roomId: other, reason: "ROOM_LEFT_REASON_REMOVED" } },
      { roomLeft: { roomId: third, reason: "ROOM_LEFT_REASON_ROOM_DELETED" } },
    ]);
    const page = await ok(bob.get("/v1/feed?afterSeq=2&pageSize=2"));
    expect(page.entries.map((entry: { seq: string }) => entry.seq)).toEqual(["3", "4"]);
    expect(page).toMatchObject({ hasMore: true, firstSeq: "1" });
  });

  test("markers of a few seconds are one feed entry", async () => {
    const [ada, bob] = (await api.people(2)) as [Person, Person];
    const room = await roomOf(ada, bob);
    for (let i = 0; i < 5; i++) {
      const { seq } = await send(ada, room, `m${i}`);
      await ok(markRead(bob, room, seq));
    }
    const reads = async () =>
      (await feed(bob)).flatMap((entry: { markedRead?: object }) => entry.markedRead ?? []);
    await expect.poll(reads, { timeout: 15_000 }).toContainEqual({ roomId: room, readSeq: "7" });
    expect((await reads()).length).toBeLessThan(5);
  });

  test("an empty feed", async () => {
    const ada = await api.register();
    expect(await ok(ada.get("/v1/feed"))).toEqual({ entries: [], hasMore: false, firstSeq: "1" });
    await refused(ada.get("/v1/feeds"), 404, "ROUTE_NOT_FOUND");
  });
});
