import { describe, expect, test } from "vitest";
import { Role } from "#gen/parley/room/v1/room_pb.js";
import { newId } from "../common/ids.ts";
import { createRoom, given, type Person, plain, refusal, startTestRoom, type TestRoom } from "./test-room.ts";

/** A room with one person of each role. */
async function createRanks(parley: TestRoom) {
  const owner = await parley.person();
  const [admin, moderator, member] = [await parley.person(), await parley.person(), await parley.person()];
  const roomId = await createRoom(owner, admin, moderator, member);
  await owner.rooms.updateMember({ roomId, userId: admin.userId, role: Role.ADMIN });
  await owner.rooms.updateMember({ roomId, userId: moderator.userId, role: Role.MODERATOR });
  return { roomId, owner, admin, moderator, member };
}

describe("ListMembers", () => {
  test("pages through them in the order they joined", async () => {
    const parley = await startTestRoom();
    const [ana, ...others] = (await parley.people(5)) as [Person, ...Person[]];
    const roomId = await createRoom(ana, ...others);
    const seen: string[] = [];
    let pageToken = "";
    do {
      const page = await ana.rooms.listMembers({ roomId, pageSize: 2, pageToken });
      seen.push(...page.members.map(({ userId }) => userId));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(seen).toEqual([ana, ...others].map(({ userId }) => userId));
  });

  test("refuses the page token of another room", async () => {
    const parley = await startTestRoom();
    const [ana, ben] = [await parley.person(), await parley.person()];
    const [roomId, other] = [await createRoom(ana, ben), await createRoom(ana, ben)];
    const { nextPageToken } = await ana.rooms.listMembers({ roomId, pageSize: 1 });
    const call = ana.rooms.listMembers({ roomId: other, pageToken: nextPageToken });
    expect(await refusal(call)).toBe("INVALID_ARGUMENT");
  });
});

describe("UpdateMember", () => {
  test("sets a role, and makes no change of one that is so already", async () => {
    const parley = await startTestRoom();
    const [ana, ben] = [await parley.person(), await parley.person()];
    const roomId = await createRoom(ana, ben);
    const request = { roomId, userId: ben.userId, role: Role.ADMIN };
    for (const time of ["first", "second"]) {
      const { member } = await ana.rooms.updateMember(request);
      expect(given(member), time).toMatchObject({ userId: ben.userId, role: Role.ADMIN });
    }
    expect(parley.message.changesOf(roomId)).toHaveLength(3);
    expect(parley.message.changesOf(roomId).at(-1)?.body).toMatchObject({
      case: "roleChanged",
      value: { userId: ben.userId, role: Role.ADMIN },
    });
    expect(plain((await ben.rooms.getRoom({ roomId })).room)).toMatchObject({ myRole: Role.ADMIN });
  });

  test("keeps to the ranks", async () => {
    const parley = await startTestRoom();
    const { roomId, owner, admin, moderator, member } = await createRanks(parley);
    const set = (actor: Person, target: Person, role: Role) =>
      refusal(actor.rooms.updateMember({ roomId, userId: target.userId, role }));
    expect(await set(member, moderator, Role.MEMBER)).toBe("ROLE_TOO_LOW");
    expect(await set(moderator, member, Role.MODERATOR)).toBe("ROLE_TOO_LOW");
    expect(await set(admin, owner, Role.MEMBER)).toBe("ROLE_TOO_LOW");
    expect(await set(admin, member, Role.ADMIN)).toBe("ROLE_TOO_LOW");
    expect(await set(admin, admin, Role.MEMBER)).toBe("ROLE_TOO_LOW");
    expect(await set(member, owner, Role.OWNER)).toBe("ROLE_TOO_LOW");
    expect(await set(admin, member, Role.MODERATOR)).toBeUndefined();
    expect(await set(owner, member, Role.OWNER)).toBeUndefined();
    expect(await set(member, owner, Role.MEMBER)).toBeUndefined();
  });

  test("checks room, member and role in this order", async () => {
    const parley = await startTestRoom();
    const [ana, ben, eve] = [await parley.person(), await parley.person(), await parley.person()];
    const roomId = await createRoom(ana, ben);
    const request = { roomId, userId: eve.userId, role: Role.ADMIN };
    expect(await refusal(eve.rooms.updateMember(request))).toBe("ROOM_NOT_FOUND");
    expect(await refusal(ben.rooms.updateMember(request))).toBe("MEMBER_NOT_FOUND");
    expect(await refusal(ana.rooms.updateMember({ ...request, userId: "x" }))).toBe("MEMBER_NOT_FOUND");
    expect(await refusal(eve.rooms.updateMember({ ...request, role: 0 }))).toBe("INVALID_ARGUMENT");
  });

  test("keeps the last owner, and answers who stepped down the same again", async () => {
    const parley = await startTestRoom();
    const [ana, ben] = [await parley.person(), await parley.person()];
    const roomId = await createRoom(ana, ben);
    const stepDown = { roomId, userId: ana.userId, role: Role.MEMBER };
    expect(await refusal(ana.rooms.updateMember(stepDown))).toBe("LAST_OWNER");
    await ana.rooms.updateMember({ roomId, userId: ben.userId, role: Role.OWNER });
    const { member } = await ana.rooms.updateMember(stepDown);
    expect((await ana.rooms.updateMember(stepDown)).member).toEqual(member);
    expect(parley.message.changesOf(roomId)).toHaveLength(4);
  });

  test("lets one of two owners demote the other, not both", async () => {
    const parley = await startTestRoom();
    const [ana, ben] = [await parley.person(), await parley.person()];
    const roomId = await createRoom(ana, ben);
    await ana.rooms.updateMember({ roomId, userId: ben.userId, role: Role.OWNER });
    const outcomes = await Promise.all([
      refusal(ana.rooms.updateMember({ roomId, userId: ben.userId, role: Role.MEMBER })),
      refusal(ben.rooms.updateMember({ roomId, userId: ana.userId, role: Role.MEMBER })),
    ]);
    expect(outcomes.toSorted()).toEqual(["ROLE_TOO_LOW", undefined]);
    const { members } = await ana.rooms.listMembers({ roomId });
    expect(members.map(({ role }) => role).toSorted()).toEqual([Role.MEMBER, Role.OWNER]);
  });

  test("lets one of two owners step down, not both", async () => {
    const parley = await startTestRoom();
    const [ana, ben] = [await parley.person(), await parley.person()];
    const roomId = await createRoom(ana, ben);
    await ana.rooms.updateMember({ roomId, userId: ben.userId, role: Role.OWNER });
    const stepDown = ({ rooms, userId }: Person) =>
      refusal(rooms.updateMember({ roomId, userId, role: Role.ADMIN }));
    const outcomes = await Promise.all([stepDown(ana), stepDown(ben)]);
    expect(outcomes.toSorted()).toEqual(["LAST_OWNER", undefined]);
  });
});

describe("RemoveMember", () => {
  test("makes a stranger of someone, once", async () => {
    const parley = await startTestRoom();
    const [ana, ben] = [await parley.person(), await parley.person()];
    const roomId = await createRoom(ana, ben);
    const request = { roomId, userId: ben.userId };
    await ana.rooms.removeMember(request);
    await ana.rooms.removeMember(request);
    expect(parley.message.timelineOf(roomId).slice(2)).toEqual([`memberRemoved ${ben.userId}`]);
    expect(parley.message.changesOf(roomId).at(-1)?.actorId).toBe(ana.userId);
    expect(await refusal(ben.rooms.getRoom({ roomId }))).toBe("ROOM_NOT_FOUND");
    expect(await refusal(ben.rooms.leaveRoom({ roomId }))).toBe("ROOM_NOT_FOUND");
    expect((await ben.rooms.listRooms({})).rooms).toEqual([]);
    expect(plain((await ana.rooms.getRoom({ roomId })).room)).toMatchObject({ memberCount: 1 });
  });

  test("keeps to the ranks", async () => {
    const parley = await startTestRoom();
    const { roomId, owner, admin, moderator, member } = await createRanks(parley);
    const remove = (actor: Person, target: Person) =>
      refusal(actor.rooms.removeMember({ roomId, userId: target.userId }));
    expect(await remove(member, moderator)).toBe("ROLE_TOO_LOW");
    expect(await remove(moderator, admin)).toBe("ROLE_TOO_LOW");
    expect(await remove(admin, owner)).toBe("ROLE_TOO_LOW");
    expect(await remove(moderator, member)).toBeUndefined();
    expect(await remove(admin, moderator)).toBeUndefined();
    await owner.rooms.updateMember({ roomId, userId: admin.userId, role: Role.OWNER });
    expect(await remove(admin, owner)).toBeUndefined();
  });

  test("of nobody who is there does nothing, for members", async () => {
    const parley = await startTestRoom();
    const [ana, ben, eve] = [await parley.person(), await parley.person(), await parley.person()];
    const roomId = await createRoom(ana, ben);
    for (const userId of [eve.userId, newId(), "nobody"]) {
      expect(await ana.rooms.removeMember({ roomId, userId })).toMatchObject({});
      expect(await refusal(eve.rooms.removeMember({ roomId, userId }))).toBe("ROOM_NOT_FOUND");
    }
    expect(parley.message.changesOf(roomId)).toHaveLength(2);
  });

  test("of oneself is leaving", async () => {
    const parley = await startTestRoom();
    const [ana, ben] = [await parley.person(), await parley.person()];
    const roomId = await createRoom(ana, ben);
    expect(await refusal(ana.rooms.removeMember({ roomId, userId: ana.userId }))).toBe("LAST_OWNER");
    await ben.rooms.removeMember({ roomId, userId: ben.userId });
    expect(parley.message.timelineOf(roomId).at(-1)).toBe(`memberLeft ${ben.userId}`);
  });
});

describe("LeaveRoom", () => {
  test("keeps the last owner while others are in", async () => {
    const parley = await startTestRoom();
    const [ana, ben] = [await parley.person(), await parley.person()];
    const roomId = await createRoom(ana, ben);
    expect(await refusal(ana.rooms.leaveRoom({ roomId }))).toBe("LAST_OWNER");
    await ana.rooms.updateMember({ roomId, userId: ben.userId, role: Role.OWNER });
    expect(await refusal(ana.rooms.leaveRoom({ roomId }))).toBeUndefined();
    expect(await refusal(ana.rooms.leaveRoom({ roomId }))).toBe("ROOM_NOT_FOUND");
  });

  test("by the last person deletes the room, in one call", async () => {
    const parley = await startTestRoom();
    const ana = await parley.person();
    const roomId = await createRoom(ana);
    await ana.rooms.leaveRoom({ roomId });
    expect(parley.message.timelineOf(roomId).slice(1)).toEqual([`memberLeft ${ana.userId}`, "roomDeleted"]);
    expect(parley.message.changesOf(roomId).map(({ callVersion }) => callVersion)).toEqual([1n, 3n, 3n]);
  });

  test("by the last two at once leaves one of them, or nobody and no room", async () => {
    const parley = await startTestRoom();
    const [ana, ben] = [await parley.person(), await parley.person()];
    const roomId = await createRoom(ana, ben);
    await ana.rooms.updateMember({ roomId, userId: ben.userId, role: Role.OWNER });
    const leave = ({ rooms }: Person) => refusal(rooms.leaveRoom({ roomId }));
    expect(await Promise.all([leave(ana), leave(ben)])).toEqual([undefined, undefined]);
    const kinds = parley.message.changesOf(roomId).map(({ body }) => body.case);
    expect(kinds.slice(3)).toEqual(["memberLeft", "memberLeft", "roomDeleted"]);
  });

  test("frees a place among one's rooms", async () => {
    const parley = await startTestRoom({ limits: { maxRoomsPerUser: 1 } });
    const [ana, ben] = [await parley.person(), await parley.person()];
    const roomId = await createRoom(ana, ben);
    expect(await refusal(createRoom(ben))).toBe("LIMIT_REACHED");
    await ben.rooms.leaveRoom({ roomId });
    expect(await refusal(createRoom(ben))).toBeUndefined();
  });
});
