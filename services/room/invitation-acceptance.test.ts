import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { Role } from "#gen/parley/room/v1/room_pb.js";
import { newId } from "../common/ids.ts";
import { byCode, byId, invite, startWithRoom } from "./test-invitations.ts";
import { createRoom, given, refusal, startTestRoom } from "./test-room.ts";

test("answers alike whatever is wrong", async () => {
  const { parley, ana, eve, roomId } = await startWithRoom();
  const expired = await invite(ana, roomId, { expiresIn: durationFromMs(1000) });
  const deleted = await createRoom(ana);
  const ofDeleted = await invite(ana, deleted);
  await ana.rooms.deleteRoom({ roomId: deleted });
  parley.clock.advance(1000);
  for (const code of ["x", "x".repeat(200), expired.code, ofDeleted.code]) {
    expect(await refusal(eve.rooms.acceptInvitation(byCode(code)))).toBe("INVITATION_NOT_FOUND");
  }
  for (const id of ["", "x", newId(), expired.invitationId]) {
    expect(await refusal(eve.rooms.acceptInvitation(byId(id)))).toBe("INVITATION_NOT_FOUND");
  }
  expect(await refusal(eve.rooms.acceptInvitation(byCode("")))).toBe("INVALID_ARGUMENT");
  expect(await refusal(eve.rooms.acceptInvitation({}))).toBe("INVALID_ARGUMENT");
});

test("by a member answers the room for any code there ever was, and uses nothing up", async () => {
  const { parley, ana, ben, roomId } = await startWithRoom();
  const good = await invite(ana, roomId, { maxUses: 1 });
  const expired = await invite(ana, roomId, { expiresIn: durationFromMs(1000) });
  const revoked = await invite(ana, roomId);
  await ana.rooms.revokeInvitation({ roomId, invitationId: revoked.invitationId });
  parley.clock.advance(1000);
  for (const { code } of [good, expired, revoked]) {
    const { room } = await ben.rooms.acceptInvitation(byCode(code));
    expect(given(room)).toMatchObject({ roomId, myRole: Role.MEMBER, memberCount: 2 });
  }
  expect((await ana.rooms.listInvitations({ roomId })).invitations).toMatchObject([{ uses: 0 }]);
  expect(parley.message.changesOf(roomId)).toHaveLength(2);
});

test("lets as many in as it says, however many come at once", async () => {
  const { parley, ana, roomId } = await startWithRoom();
  const { code } = await invite(ana, roomId, { maxUses: 3 });
  const crowd = await parley.people(20);
  const outcomes = await Promise.all(crowd.map(({ rooms }) => refusal(rooms.acceptInvitation(byCode(code)))));
  expect(outcomes.filter((reason) => reason === undefined)).toHaveLength(3);
  expect(outcomes.filter((reason) => reason === "INVITATION_NOT_FOUND")).toHaveLength(17);
  expect(parley.message.changesOf(roomId)).toHaveLength(5);
});

test("by one person many times at once joins and counts once", async () => {
  const { parley, ana, eve, roomId } = await startWithRoom();
  const { code } = await invite(ana, roomId, { maxUses: 2 });
  const accepts = Array.from({ length: 10 }, () => eve.rooms.acceptInvitation(byCode(code)));
  await Promise.all(accepts);
  expect((await ana.rooms.listInvitations({ roomId })).invitations).toMatchObject([{ uses: 1 }]);
  expect(parley.message.changesOf(roomId)).toHaveLength(3);
});

test("is barred to the removed by invitations made before, not by later ones", async () => {
  const { ana, eve, roomId } = await startWithRoom();
  const [open, named] = [await invite(ana, roomId), await invite(ana, roomId, { userId: eve.userId })];
  await eve.rooms.acceptInvitation(byCode(open.code));
  await ana.rooms.removeMember({ roomId, userId: eve.userId });
  expect(await refusal(eve.rooms.acceptInvitation(byCode(open.code)))).toBe("INVITATION_NOT_FOUND");
  expect(await refusal(eve.rooms.acceptInvitation(byId(named.invitationId)))).toBe("INVITATION_NOT_FOUND");
  const later = await invite(ana, roomId);
  expect(await refusal(eve.rooms.acceptInvitation(byCode(later.code)))).toBeUndefined();
});

test("is open to those who left", async () => {
  const { ana, eve, roomId } = await startWithRoom();
  const { code } = await invite(ana, roomId);
  await eve.rooms.acceptInvitation(byCode(code));
  await eve.rooms.leaveRoom({ roomId });
  expect(await refusal(eve.rooms.acceptInvitation(byCode(code)))).toBeUndefined();
});

test("stops at a full room and at the most rooms of a person, and uses nothing up then", async () => {
  const parley = await startTestRoom({ limits: { maxMembersPerRoom: 2, maxRoomsPerUser: 1 } });
  const [ana, ben, eve] = [await parley.person(), await parley.person(), await parley.person()];
  const [roomId, other] = [await createRoom(ana), await createRoom(eve)];
  const { code } = await invite(ana, roomId);
  expect(await refusal(eve.rooms.acceptInvitation(byCode(code)))).toBe("LIMIT_REACHED");
  await ben.rooms.acceptInvitation(byCode(code));
  await eve.rooms.deleteRoom({ roomId: other });
  expect(await refusal(eve.rooms.acceptInvitation(byCode(code)))).toBe("LIMIT_REACHED");
  expect((await ana.rooms.listInvitations({ roomId })).invitations).toMatchObject([{ uses: 1 }]);
});
