import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Role } from "#gen/parley/room/v1/room_pb.js";
import { testServer } from "../common/database/test-place.ts";
import { newId } from "../common/ids.ts";
import { createRoom, given, plain, refusal, startTestRoom, versionsOf } from "./test-room.ts";

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
