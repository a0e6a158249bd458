import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test, vi } from "vitest";
import { TimelineEventSchema } from "#gen/parley/message/v1/timeline_pb.js";
import { MemberSchema, Role } from "#gen/parley/room/v1/room_pb.js";
import { ListMembersResponseSchema } from "#gen/parley/room/v1/room_service_pb.js";
import { createMembers } from "./members.ts";

const roomId = "room";
const at = timestampFromMs(1_000);

/** A room whose members the server lists two to a page. */
function setUp() {
  const server = {
    userIds: ["ada", "bob", "cy"],
    /** By page: what happens after it was read and before it is answered. */
    meanwhile: [] as (() => unknown)[],
  };
  const asked: string[] = [];
  const onChange = vi.fn();
  const calls: Parameters<typeof createMembers>[0] = {
    async listMembers({ roomId, pageToken = "" }, { signal } = {}) {
      asked.push(`${roomId} ${pageToken}`);
      const first = Number(pageToken);
      const page = create(ListMembersResponseSchema, {
        members: server.userIds
          .slice(first, first + 2)
          .map((userId) => create(MemberSchema, { userId, role: Role.MEMBER })),
        nextPageToken: first + 2 < server.userIds.length ? `${first + 2}` : "",
      });
      await server.meanwhile.shift()?.();
      signal?.throwIfAborted();
      return page;
    },
  };
  const members = createMembers(calls, roomId, onChange);
  const happen = (body: MessageInitShape<typeof TimelineEventSchema>["body"]) =>
    members.event(create(TimelineEventSchema, { roomId, at, body: body! }));
  const join = (userId: string) => happen({ case: "memberJoined", value: { userId, role: Role.MEMBER } });
  const leave = (userId: string) => happen({ case: "memberLeft", value: { userId } });
  const shown = () => members.all.map(({ userId }) => userId);
  return { members, server, asked, onChange, happen, join, leave, shown };
}

test("members are loaded by pages, all or nothing", async () => {
  const { members, asked, onChange, shown, server } = setUp();
  const seen: string[][] = [];
  const look = () => seen.push(shown());
  server.meanwhile = [look, look];
  expect(members.isLoaded).toBe(false);
  await members.load();
  expect(seen).toEqual([[], []]);
  expect(asked).toEqual(["room ", "room 2"]);
  expect(shown()).toEqual(["ada", "bob", "cy"]);
  expect(members.isLoaded).toBe(true);
  expect(onChange).toHaveBeenCalledOnce();
});

test("they are live from then on", async () => {
  const { members, happen, join, leave, shown, onChange } = setUp();
  await members.load();
  join("dan");
  leave("ada");
  happen({ case: "memberRemoved", value: { userId: "bob" } });
  expect(shown()).toEqual(["cy", "dan"]);
  expect(members.all[1]).toMatchObject({ role: Role.MEMBER, joinedAt: at });
  const before = members.all;
  happen({ case: "roleChanged", value: { userId: "cy", role: Role.ADMIN } });
  expect(members.all.map(({ role }) => role)).toEqual([Role.ADMIN, Role.MEMBER]);
  // What was shown isn't changed under who looks at it.
  expect(before[0]?.role).toBe(Role.MEMBER);
  join("ada");
  expect(shown()).toEqual(["cy", "dan", "ada"]);
  expect(onChange).toHaveBeenCalledTimes(6);
});

test("what says nothing of members changes nothing, nor does what comes before they are wanted", async () => {
  const { members, happen, join, shown, onChange } = setUp();
  join("dan");
  expect(shown()).toEqual([]);
  await members.load();
  const before = members.all;
  happen({ case: "messagePosted", value: { text: "hi" } });
  expect(members.all).toBe(before);
  expect(onChange).toHaveBeenCalledOnce();
});

test("what happens while pages are loaded is neither lost nor undone", async () => {
  const { members, server, happen, join, leave, shown } = setUp();
  server.meanwhile = [
    () => {
      join("dan");
      leave("ada");
    },
    () => {
      // It may be in the page that follows, or not.
      leave("cy");
      join("eve");
      leave("eve");
      happen({ case: "roleChanged", value: { userId: "bob", role: Role.OWNER } });
    },
  ];
  await members.load();
  expect(shown()).toEqual(["bob", "dan"]);
  expect(members.all[0]?.role).toBe(Role.OWNER);
});

test("two who load at once both get what happened meanwhile, whoever is first", async () => {
  const { members, server, join, shown } = setUp();
  const [slow, fast] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  server.userIds = ["ada"];
  server.meanwhile = [() => slow.promise, () => fast.promise];
  const loading = [members.load(), members.load()];
  join("dan");
  fast.resolve();
  await loading[1];
  expect(shown()).toEqual(["ada", "dan"]);
  slow.resolve();
  await loading[0];
  expect(shown()).toEqual(["ada", "dan"]);
});

test("loading that fails leaves what was known, live", async () => {
  const { members, server, join, leave, shown, asked } = setUp();
  await members.load();
  server.meanwhile = [
    () => join("dan"),
    () => {
      throw new TypeError("fetch failed");
    },
  ];
  await expect(members.load()).rejects.toThrow("fetch failed");
  leave("ada");
  expect(shown()).toEqual(["bob", "cy", "dan"]);
  const ending = new AbortController();
  server.meanwhile = [() => ending.abort(new Error("enough"))];
  await expect(members.load(ending.signal)).rejects.toThrow("enough");
  expect(asked).toHaveLength(5);
});

test("what is cleared while it is loaded is loaded anew", async () => {
  const { members, server, join, shown } = setUp();
  server.meanwhile = [
    () => {
      join("dan");
      members.clear();
      server.userIds = ["zoe"];
    },
  ];
  await members.load();
  expect(shown()).toEqual(["zoe"]);
  members.clear();
  expect(members.isLoaded).toBe(false);
  expect(shown()).toEqual([]);
  join("dan");
  expect(shown()).toEqual([]);
});
