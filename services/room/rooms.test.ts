import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Role, RoomKind } from "#gen/parley/room/v1/room_pb.js";
import { testServer } from "../common/database/test-place.ts";
import { newId } from "../common/ids.ts";
import { createRoom, given, plain, refusal, startTestRoom, versionsOf } from "./test-room.ts";

describe("CreateRoom", () => {
  test("makes the caller owner and adds the others in the order given, once each", async () => {
    const parley = await startTestRoom();
    const [ana, ben, eve] = [await parley.person(), await parley.person(), await parley.person()];
    const memberIds = [eve.userId, ben.userId, ana.userId, eve.userId];
    const { room, replayed } = await ana.rooms.createRoom({ name: "Küche", topic: "tea", memberIds });
    const { roomId } = given(room);
    expect(plain(room)).toEqual({
      roomId,
      kind: RoomKind.GROUP,
      name: "Küche",
      topic: "tea",
      myRole: Role.OWNER,
      memberCount: 3,
    });
    expect(replayed).toBe(false);
    const joined = [ana, eve, ben].map(({ userId }) => `memberJoined ${userId}`);
    expect(parley.message.timelineOf(roomId)).toEqual(joined);
    const changes = parley.message.changesOf(roomId);
    expect(versionsOf(changes)).toEqual([1, 2, 3]);
    expect(changes.map(({ callVersion }) => callVersion)).toEqual([3n, 3n, 3n]);
    expect(new Set(changes.map(({ actorId }) => actorId))).toEqual(new Set([ana.userId]));
    const { members } = await ben.rooms.listMembers({ roomId });
    expect(members.map(({ userId, role }) => [userId, role])).toEqual([
      [ana.userId, Role.OWNER],
      [eve.userId, Role.MEMBER],
      [ben.userId, Role.MEMBER],
    ]);
  });

  test("is refused whole when someone is unknown", async () => {
    const parley = await startTestRoom();
    const [ana, ben] = [await parley.person(), await parley.person()];
    for (const unknown of [newId(), "nobody", ""]) {
      const call = ana.rooms.createRoom({ name: "room", memberIds: [ben.userId, unknown] });
      expect(await refusal(call)).toBe("USER_NOT_FOUND");
    }
    expect((await ana.rooms.listRooms({})).rooms).toEqual([]);
    expect((await ben.rooms.listRooms({})).rooms).toEqual([]);
  });

  test("is UNAVAILABLE while it can't be known who exists", async () => {
    const parley = await startTestRoom();
    const [ana, ben] = [await parley.person(), await parley.person()];
    parley.auth.down = true;
    expect(await refusal(ana.rooms.createRoom({ name: "room", memberIds: [ben.userId] }))).toBe(
      "UNAVAILABLE",
    );
    expect(await refusal(ana.rooms.createRoom({ name: "room" }))).toBeUndefined();
  });

  test("answers a client id with the same room, as it is now", async () => {
    const parley = await startTestRoom();
    const [ana, ben] = [await parley.person(), await parley.person()];
    const request = { name: "room", memberIds: [ben.userId], clientId: "a" };
    const first = given((await ana.rooms.createRoom(request)).room);
    await ana.rooms.updateRoom({ roomId: first.roomId, name: "renamed" });
    parley.auth.down = true;
    const again = await ana.rooms.createRoom({ ...request, topic: "", memberIds: [ben.userId, ana.userId] });
    expect(again.replayed).toBe(true);
    expect(plain(again.room)).toEqual({ ...plain(first), name: "renamed" });
    expect(parley.message.changesOf(first.roomId)).toHaveLength(3);
  });

  test("refuses a client id that was used with other content", async () => {
    const parley = await startTestRoom();
    const [ana, ben] = [await parley.person(), await parley.person()];
    await ana.rooms.createRoom({ name: "room", clientId: "a" });
    for (const other of [{ name: "Room" }, { topic: "t" }, { memberIds: [ben.userId] }]) {
      const call = ana.rooms.createRoom({ name: "room", clientId: "a", ...other });
      expect(await refusal(call)).toBe("CLIENT_ID_REUSED");
    }
    expect((await ben.rooms.createRoom({ name: "room", clientId: "a" })).replayed).toBe(false);
  });

  test("frees the client id with the room, and shows it to nobody who left", async () => {
    const parley = await startTestRoom();
    const [ana, ben] = [await parley.person(), await parley.person()];
    const request = { name: "room", memberIds: [ben.userId], clientId: "a" };
    const roomId = given((await ana.rooms.createRoom(request)).room).roomId;
    await ana.rooms.updateMember({ roomId, userId: ben.userId, role: Role.OWNER });
    await ana.rooms.leaveRoom({ roomId });
    expect(await refusal(ana.rooms.createRoom(request))).toBe("ROOM_NOT_FOUND");
    expect(await refusal(ana.rooms.createRoom({ ...request, name: "other" }))).toBe("CLIENT_ID_REUSED");
    await ben.rooms.leaveRoom({ roomId });
    const { room, replayed } = await ana.rooms.createRoom(request);
    expect(replayed).toBe(false);
    expect(given(room).roomId).not.toBe(roomId);
  });

  test("makes one room of many calls at once with one client id", async () => {
    const parley = await startTestRoom();
    const ana = await parley.person();
    const request = { name: "room", clientId: "a" };
    const answers = await Promise.all(Array.from({ length: 10 }, () => ana.rooms.createRoom(request)));
    expect(new Set(answers.map(({ room }) => room?.roomId)).size).toBe(1);
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
  });

  test("counts everyone's rooms", async () => {
    const parley = await startTestRoom({ limits: { maxRoomsPerUser: 2 } });
    const [ana, ben] = [await parley.person(), await parley.person()];
    const rooms = [await createRoom(ana, ben), await createRoom(ana)];
    expect(await refusal(createRoom(ana))).toBe("LIMIT_REACHED");
    await createRoom(ben);
    const eve = await parley.person();
    expect(await refusal(createRoom(eve, ben))).toBe("LIMIT_REACHED");
    await ana.rooms.deleteRoom({ roomId: rooms[0] });
    await createRoom(ana);
    await createRoom(eve, ben);
  });

  test("lets one of two that would both be the last in", async () => {
    const parley = await startTestRoom({ limits: { maxRoomsPerUser: 1 } });
    const [ana, ben, eve] = [await parley.person(), await parley.person(), await parley.person()];
    const outcomes = await Promise.all([refusal(createRoom(ana, eve)), refusal(createRoom(ben, eve))]);
    expect(outcomes.toSorted()).toEqual(["LIMIT_REACHED", undefined]);
  });
});

describe("GetRoom and ListRooms", () => {
  test("show a room to its members as each of them sees it, and to nobody else", async () => {
    const parley = await startTestRoom();
    const [ana, ben, eve] = [await parley.person(), await parley.person(), await parley.person()];
    const roomId = await createRoom(ana, ben);
    expect(given((await ben.rooms.getRoom({ roomId })).room)).toMatchObject({
      myRole: Role.MEMBER,
      memberCount: 2,
    });
    expect(await refusal(eve.rooms.getRoom({ roomId }))).toBe("ROOM_NOT_FOUND");
    expect(await refusal(ana.rooms.getRoom({ roomId: newId() }))).toBe("ROOM_NOT_FOUND");
    expect(await refusal(ana.rooms.getRoom({ roomId: roomId.toUpperCase() }))).toBe("ROOM_NOT_FOUND");
  });

  test("list pages of rooms, oldest first", async () => {
    const parley = await startTestRoom();
    const [ana, ben] = [await parley.person(), await parley.person()];
    const made: string[] = [];
    for (let index = 0; index < 5; index++) made.push(await createRoom(ana, ben));
    const seen: string[] = [];
    let pageToken = "";
    do {
      const page = await ben.rooms.listRooms({ pageSize: 2, pageToken });
      seen.push(...page.rooms.map(({ roomId }) => roomId));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(seen).toEqual(made);
  });

  test("refuse broken page tokens and those of others", async () => {
    const parley = await startTestRoom();
    const [ana, ben] = [await parley.person(), await parley.person()];
    await createRoom(ana, ben);
    await createRoom(ana, ben);
    const { nextPageToken } = await ana.rooms.listRooms({ pageSize: 1 });
    expect(await refusal(ben.rooms.listRooms({ pageToken: nextPageToken }))).toBe("INVALID_ARGUMENT");
    expect(await refusal(ana.rooms.listRooms({ pageToken: `${nextPageToken}a` }))).toBe("INVALID_ARGUMENT");
    expect(await refusal(ana.rooms.listRooms({ pageSize: 0 }))).toBe("INVALID_ARGUMENT");
  });
});

describe("UpdateRoom", () => {
  test("changes what is given, with one change that has both", async () => {
    const parley = await startTestRoom();
    const ana = await parley.person();
    const { room } = await ana.rooms.createRoom({ name: "room", topic: "old" });
    const { roomId } = given(room);
    const updated = await ana.rooms.updateRoom({ roomId, name: "new" });
    expect(plain(updated.room)).toMatchObject({ name: "new", topic: "old" });
    expect(parley.message.changesOf(roomId).at(-1)?.body).toMatchObject({
      case: "roomUpdated",
      value: { name: "new", topic: "old" },
    });
    expect(plain((await ana.rooms.updateRoom({ roomId, topic: "" })).room)).toMatchObject({ topic: "" });
    expect(parley.message.changesOf(roomId)).toHaveLength(3);
  });

  test("makes no change of what is so already", async () => {
    const parley = await startTestRoom();
    const ana = await parley.person();
    const roomId = await createRoom(ana);
    await ana.rooms.updateRoom({ roomId, name: "room", topic: "" });
    await ana.rooms.updateRoom({ roomId });
    expect(parley.message.changesOf(roomId)).toHaveLength(1);
  });

  test("is for admins and owners", async () => {
    const parley = await startTestRoom();
    const [ana, ben, eve] = [await parley.person(), await parley.person(), await parley.person()];
    const roomId = await createRoom(ana, ben);
    const update = { roomId, name: "new" };
    expect(await refusal(ben.rooms.updateRoom(update))).toBe("ROLE_TOO_LOW");
    await ana.rooms.updateMember({ roomId, userId: ben.userId, role: Role.MODERATOR });
    expect(await refusal(ben.rooms.updateRoom(update))).toBe("ROLE_TOO_LOW");
    await ana.rooms.updateMember({ roomId, userId: ben.userId, role: Role.ADMIN });
    expect(await refusal(ben.rooms.updateRoom(update))).toBeUndefined();
    expect(await refusal(eve.rooms.updateRoom(update))).toBe("ROOM_NOT_FOUND");
    expect(await refusal(eve.rooms.updateRoom({ roomId, name: "" }))).toBe("INVALID_ARGUMENT");
  });
});

describe("DeleteRoom", () => {
  test("is the last change, after which everyone is a stranger", async () => {
    const parley = await startTestRoom();
    const [ana, ben] = [await parley.person(), await parley.person()];
    const roomId = await createRoom(ana, ben);
    await ana.rooms.deleteRoom({ roomId });
    expect(parley.message.timelineOf(roomId).at(-1)).toBe("roomDeleted");
    for (const { rooms } of [ana, ben]) {
      expect(await refusal(rooms.getRoom({ roomId }))).toBe("ROOM_NOT_FOUND");
      expect(await refusal(rooms.listMembers({ roomId }))).toBe("ROOM_NOT_FOUND");
      expect(await refusal(rooms.deleteRoom({ roomId }))).toBe("ROOM_NOT_FOUND");
      expect(await refusal(rooms.leaveRoom({ roomId }))).toBe("ROOM_NOT_FOUND");
      expect((await rooms.listRooms({})).rooms).toEqual([]);
    }
  });

  // A server has files of its own, that nobody else reads.
  test.runIf(testServer === undefined)("takes the names and topics that it had from the disk", async () => {
    const parley = await startTestRoom();
    const [ana, ben] = [await parley.person(), await parley.person()];
    const roomId = await createRoom(ana, ben);
    await ana.rooms.updateRoom({ roomId, name: "first-secret", topic: "second-secret" });
    await ana.rooms.updateRoom({ roomId, name: "third-secret" });
    const other = await createRoom(ana);
    await ana.rooms.updateRoom({ roomId: other, name: "standing-name" });
    await ana.rooms.deleteRoom({ roomId });
    const { changes } = await parley.internal.listRoomChanges({ roomId, afterVersion: 0n });
    expect(versionsOf(changes)).toEqual([1, 2, 3, 4, 5]);
    await parley.close();
    const files = readdirSync(parley.folder).map((name) => readFileSync(join(parley.folder, name)));
    const texts = ["first-secret", "second-secret", "third-secret", "standing-name"];
    const found = texts.filter((text) => files.some((bytes) => bytes.includes(text)));
    expect(found).toEqual(["standing-name"]);
  });

  test("is for owners", async () => {
    const parley = await startTestRoom();
    const [ana, ben] = [await parley.person(), await parley.person()];
    const roomId = await createRoom(ana, ben);
    await ana.rooms.updateMember({ roomId, userId: ben.userId, role: Role.ADMIN });
    expect(await refusal(ben.rooms.deleteRoom({ roomId }))).toBe("ROLE_TOO_LOW");
  });
});

test("changes are announced on the event log as they are in the timeline", async () => {
  const parley = await startTestRoom();
  const ana = await parley.person();
  const roomId = await createRoom(ana);
  await ana.rooms.updateRoom({ roomId, name: "new" });
  await ana.rooms.deleteRoom({ roomId });
  await expect.poll(() => parley.announced.length).toBe(3);
  expect(parley.announced.map(({ key, number }) => [key, Number(number)])).toEqual([
    [roomId, 1],
    [roomId, 2],
    [roomId, 3],
  ]);
  expect(parley.announced.map(({ message }) => message.changeId)).toEqual(
    parley.message.changesOf(roomId).map(({ changeId }) => changeId),
  );
});
