import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { InboxItemSchema, MessageSchema } from "#gen/parley/message/v1/message_pb.js";
import { TimelineEventSchema } from "#gen/parley/message/v1/timeline_pb.js";
import { RoomKind, RoomSchema } from "#gen/parley/room/v1/room_pb.js";
import { createInbox, type InboxDeps } from "./inbox.ts";

const roomId = "room";

/** A room in which Bob posts, and in whose inbox the server has what the test says. */
function setUp() {
  const server = { lastSeq: 10n, readSeq: 0n, unreadCount: 10, asked: 0, gate: Promise.resolve() };
  const item = () =>
    create(InboxItemSchema, {
      roomId,
      lastSeq: server.lastSeq,
      readSeq: server.readSeq,
      unreadCount: server.unreadCount,
      lastMessage: create(MessageSchema, { roomId, seq: server.lastSeq, authorId: "bob", text: "hi" }),
    });
  const inbox = createInbox({
    messages: {
      async listInbox() {
        server.asked += 1;
        const items = [item()];
        await server.gate;
        return { items, nextPageToken: "" };
      },
    },
    rooms: {
      listRooms: async () => ({
        rooms: [create(RoomSchema, { roomId, name: "Tea", kind: RoomKind.GROUP })],
        nextPageToken: "",
      }),
    },
    users: { onChange: () => {} },
    userId: () => "ada",
    knowHead: () => {},
  } as unknown as InboxDeps);
  const post = (seq: bigint, actorId = "bob") =>
    inbox.event(
      create(TimelineEventSchema, {
        roomId,
        seq,
        actorId,
        at: timestampFromMs(Number(seq)),
        body: { case: "messagePosted", value: { text: `${seq}` } },
      }),
    );
  const load = () => inbox.load(new AbortController().signal);
  return { inbox, server, post, load };
}

test("counts what comes after the server's numbers once", async () => {
  const { inbox, post, load } = setUp();
  await load();
  post(9n);
  post(10n);
  post(11n);
  post(12n, "ada");
  expect(inbox.state.get()).toMatchObject({
    status: "ready",
    hasMore: false,
    rooms: [{ title: "Tea", unread: 11, lastSeq: 12n, lastMessage: { text: "12", authorId: "ada" } }],
  });
});

test("asks how much is left once the server knows what was read", async () => {
  const { inbox, server, load } = setUp();
  server.lastSeq = 11n;
  await load();
  inbox.read(roomId, 10n, false);
  expect(server.asked).toBe(1);
  expect(inbox.numbers(roomId)).toMatchObject({ readSeq: 10n });
  Object.assign(server, { readSeq: 10n, unreadCount: 1 });
  inbox.told(roomId);
  await expect.poll(() => inbox.numbers(roomId)).toMatchObject({ readSeq: 10n, unread: 1 });
  inbox.read(roomId, 11n, false);
  expect(inbox.numbers(roomId)?.unread).toBe(0);
});

test("begins anew in another life of the data, with what has come since", async () => {
  const { inbox, server, post, load } = setUp();
  await load();
  const gate = Promise.withResolvers<void>();
  Object.assign(server, { lastSeq: 4n, readSeq: 3n, unreadCount: 1, gate: gate.promise });
  inbox.refresh(roomId);
  await expect.poll(() => server.asked).toBe(2);
  // It comes between the answer and its arrival.
  post(5n);
  Object.assign(server, { lastSeq: 5n, unreadCount: 2 });
  gate.resolve();
  await expect.poll(() => inbox.numbers(roomId)).toMatchObject({ lastSeq: 5n, unread: 2, readSeq: 3n });
});

test("is empty for the next person, until theirs is loaded", async () => {
  const { inbox, load } = setUp();
  await load();
  inbox.clear();
  expect(inbox.state.get()).toEqual({ status: "loading", rooms: [], hasMore: true });
  await load();
  expect(inbox.state.get().rooms.length).toBe(1);
});
