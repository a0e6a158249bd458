import { describe, expect, test } from "vitest";
import { Role, RoomKind } from "#gen/parley/room/v1/room_pb.js";
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
