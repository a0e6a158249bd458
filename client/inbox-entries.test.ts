import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { InboxItemSchema, MessageSchema } from "#gen/parley/message/v1/message_pb.js";
import { TimelineEventSchema } from "#gen/parley/message/v1/timeline_pb.js";
import { RoomKind, RoomSchema } from "#gen/parley/room/v1/room_pb.js";
import { UserSchema } from "#gen/parley/user/v1/user_pb.js";
import { createInboxEntries } from "./inbox-entries.ts";
import { createUsers } from "./users.ts";

/** Tea, a group, and a talk with Bob, who isn't known yet. */
function setUp() {
  const users = createUsers({ batchGetUsers: () => new Promise(() => {}) });
  const entries = createInboxEntries({ users, userId: () => "ada" });
  const item = (roomId: string, lastSeq: bigint) =>
    create(InboxItemSchema, {
      roomId,
      lastSeq,
      unreadCount: 1,
      lastMessage: create(MessageSchema, { roomId, seq: lastSeq, authorId: "bob", text: "hi" }),
    });
  entries.list(create(RoomSchema, { roomId: "tea", name: "Tea", kind: RoomKind.GROUP }));
  entries.list(create(RoomSchema, { roomId: "talk", kind: RoomKind.DIRECT }));
  entries.merge(item("tea", 5n), false);
  entries.merge(item("talk", 5n), false);
  const shown = () => new Map(entries.shown().map((room) => [room.roomId, room]));
  /** What is another object after a change. */
  const changedBy = (change: () => unknown) => {
    const before = shown();
    change();
    return [...shown()].flatMap(([roomId, room]) => (room === before.get(roomId) ? [] : [roomId]));
  };
  return { entries, users, item, shown, changedBy };
}

test("a room is the same object until it changes, whatever others do", () => {
  const { entries, item, shown, changedBy } = setUp();
  const tea = entries.byRoom.get("tea")!;
  const event = create(TimelineEventSchema, {
    roomId: "tea",
    seq: 6n,
    actorId: "bob",
    body: { case: "messagePosted", value: { text: "more" } },
  });
  expect(changedBy(() => {})).toEqual([]);
  expect(changedBy(() => entries.apply(tea, event))).toEqual(["tea"]);
  expect(shown().get("tea")).toMatchObject({ unread: 2, lastMessage: { text: "more" } });
  expect(changedBy(() => entries.read(tea, 6n))).toEqual(["tea"]);
  expect(shown().get("tea")).toMatchObject({ unread: 0, readSeq: 6n });
  expect(changedBy(() => entries.merge(item("talk", 6n), false))).toEqual(["talk"]);
  const renamed = create(RoomSchema, { roomId: "tea", name: "Coffee", kind: RoomKind.GROUP });
  expect(changedBy(() => entries.list(renamed))).toEqual(["tea"]);
  expect(shown().get("tea")?.title).toBe("Coffee");
});

test("a talk is another as soon as the other one is known, and by another name", () => {
  const { users, shown, changedBy } = setUp();
  expect(shown().get("talk")).toMatchObject({ title: "", otherUserId: "bob" });
  for (const displayName of ["Bob", "Robert"]) {
    const bob = create(UserSchema, { userId: "bob", displayName });
    expect(changedBy(() => users.learn(bob))).toEqual(["talk"]);
    expect(shown().get("talk")).toMatchObject({ title: displayName, otherUser: bob });
  }
  expect(changedBy(users.clear)).toEqual(["talk"]);
  expect(shown().get("talk")?.title).toBe("");
});
