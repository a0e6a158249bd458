import { durationFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { Role } from "#gen/parley/room/v1/room_pb.js";
import { newId } from "../common/ids.ts";
import { byCode, byId, invite, startWithRoom } from "./test-invitations.ts";
import { createRoom, given, refusal } from "./test-room.ts";

const dayMs = 24 * 3_600_000;

describe("CreateInvitation", () => {
  test("makes a code for a week and any number of people, and no change of the room", async () => {
    const { parley, ana, roomId } = await startWithRoom();
    const made = await invite(ana, roomId);
    expect(made).toMatchObject({ createdBy: ana.userId, uses: 0 });
    expect(made.maxUses).toBeUndefined();
    expect(made.userId).toBeUndefined();
    expect(made.code).toMatch(/^[\w-]{24}$/);
    expect(timestampMs(given(made.expiresAt)) - timestampMs(given(made.createdAt))).toBe(7 * dayMs);
    expect(parley.message.changesOf(roomId)).toHaveLength(2);
  });

  test("is for admins and owners", async () => {
    const { ana, ben, eve, roomId } = await startWithRoom();
    for (const role of [Role.MEMBER, Role.MODERATOR]) {
      await ana.rooms.updateMember({ roomId, userId: ben.userId, role });
      expect(await refusal(invite(ben, roomId))).toBe("ROLE_TOO_LOW");
      expect(await refusal(ben.rooms.listInvitations({ roomId }))).toBe("ROLE_TOO_LOW");
      expect(await refusal(ben.rooms.revokeInvitation({ roomId, invitationId: newId() }))).toBe(
        "ROLE_TOO_LOW",
      );
    }
    await ana.rooms.updateMember({ roomId, userId: ben.userId, role: Role.ADMIN });
    expect(await refusal(invite(ben, roomId))).toBeUndefined();
    expect(await refusal(invite(eve, roomId))).toBe("ROOM_NOT_FOUND");
    expect(await refusal(invite(eve, roomId, { userId: newId() }))).toBe("ROOM_NOT_FOUND");
  });

  test("keeps to its limits", async () => {
    const { ana, roomId } = await startWithRoom();
    for (const wrong of [{ maxUses: 0 }, { maxUses: 10_001 }]) {
      expect(await refusal(invite(ana, roomId, wrong))).toBe("INVALID_ARGUMENT");
    }
    for (const ms of [999, 30 * dayMs + 1]) {
      expect(await refusal(invite(ana, roomId, { expiresIn: durationFromMs(ms) }))).toBe("INVALID_ARGUMENT");
    }
  });

  test("answers a client id with a new code for the same invitation", async () => {
    const { ana, ben, eve, roomId } = await startWithRoom();
    await ana.rooms.updateMember({ roomId, userId: ben.userId, role: Role.ADMIN });
    const request = { clientId: "a", maxUses: 3 };
    const first = await invite(ana, roomId, request);
    const second = await invite(ana, roomId, request);
    expect(second.invitationId).toBe(first.invitationId);
    expect(second.code).not.toBe(first.code);
    expect((await ana.rooms.listInvitations({ roomId })).invitations).toHaveLength(1);
    expect(await refusal(eve.rooms.acceptInvitation(byCode(first.code)))).toBe("INVITATION_NOT_FOUND");
    expect(await refusal(eve.rooms.acceptInvitation(byCode(second.code)))).toBeUndefined();
    expect(await refusal(eve.rooms.acceptInvitation(byCode(first.code)))).toBeUndefined();
    expect(await refusal(invite(ana, roomId, { ...request, maxUses: 4 }))).toBe("CLIENT_ID_REUSED");
    expect((await invite(ben, roomId, request)).invitationId).not.toBe(first.invitationId);
  });

  test("frees the client id when the invitation ends", async () => {
    const { parley, ana, eve, roomId } = await startWithRoom();
    const ids = new Set<string>();
    const again = async () => {
      const made = await invite(ana, roomId, { clientId: "a", maxUses: 1 });
      ids.add(made.invitationId);
      return made;
    };
    const { invitationId } = await again();
    await ana.rooms.revokeInvitation({ roomId, invitationId });
    const { code } = await again();
    await eve.rooms.acceptInvitation(byCode(code));
    await again();
    parley.clock.advance(7 * dayMs);
    await again();
    expect(ids.size).toBe(4);
  });

  test("by a client id needs the role still", async () => {
    const { ana, ben, roomId } = await startWithRoom();
    const setRole = (role: Role) => ana.rooms.updateMember({ roomId, userId: ben.userId, role });
    await setRole(Role.ADMIN);
    await invite(ben, roomId, { clientId: "a" });
    await setRole(Role.MEMBER);
    expect(await refusal(invite(ben, roomId, { clientId: "a" }))).toBe("ROLE_TOO_LOW");
  });
});

describe("a named invitation", () => {
  test("has no code, and is told to the person by a change", async () => {
    const { parley, ana, eve, roomId } = await startWithRoom();
    const made = await invite(ana, roomId, { userId: eve.userId });
    expect(made).toMatchObject({ code: "", userId: eve.userId });
    expect(parley.message.changesOf(roomId).at(-1)).toMatchObject({
      version: 3n,
      callVersion: 3n,
      actorId: ana.userId,
      body: { case: "invited", value: { userId: eve.userId, invitationId: made.invitationId } },
    });
  });

  test("lets in the one it is for", async () => {
    const { ana, eve, parley, roomId } = await startWithRoom();
    const stranger = await parley.person();
    const { invitationId } = await invite(ana, roomId, { userId: eve.userId });
    expect(await refusal(stranger.rooms.acceptInvitation(byId(invitationId)))).toBe("INVITATION_NOT_FOUND");
    expect(await refusal(ana.rooms.acceptInvitation(byId(invitationId)))).toBe("INVITATION_NOT_FOUND");
    const { room } = await eve.rooms.acceptInvitation(byId(invitationId));
    expect(given(room)).toMatchObject({ roomId, myRole: Role.MEMBER, memberCount: 3 });
    expect(parley.message.timelineOf(roomId).at(-1)).toBe(`memberJoined ${eve.userId}`);
    expect(await refusal(eve.rooms.acceptInvitation(byId(invitationId)))).toBeUndefined();
  });

  test("is for someone who exists", async () => {
    const { parley, ana, ben, roomId } = await startWithRoom();
    for (const userId of [newId(), "nobody", ""]) {
      expect(await refusal(invite(ana, roomId, { userId }))).toBe("USER_NOT_FOUND");
      expect(await refusal(invite(ben, roomId, { userId }))).toBe("USER_NOT_FOUND");
    }
    expect(parley.message.changesOf(roomId)).toHaveLength(2);
  });

  test("is repeated by its client id without being told twice", async () => {
    const { parley, ana, eve, roomId } = await startWithRoom();
    const request = { userId: eve.userId, clientId: "a" };
    const [first, second] = [await invite(ana, roomId, request), await invite(ana, roomId, request)];
    expect(second).toEqual(first);
    expect(parley.message.changesOf(roomId)).toHaveLength(3);
  });

  test("isn't found by the id of one with a code", async () => {
    const { ana, ben, eve, roomId } = await startWithRoom();
    const { invitationId } = await invite(ana, roomId);
    for (const { rooms } of [ben, eve]) {
      expect(await refusal(rooms.acceptInvitation(byId(invitationId)))).toBe("INVITATION_NOT_FOUND");
    }
  });
});

describe("ListInvitations", () => {
  test("shows those that can be used, oldest first, in pages", async () => {
    const { parley, ana, eve, roomId } = await startWithRoom();
    await invite(ana, roomId, { expiresIn: durationFromMs(1000) });
    const usedUp = await invite(ana, roomId, { maxUses: 1 });
    await eve.rooms.acceptInvitation(byCode(usedUp.code));
    const { invitationId } = await invite(ana, roomId);
    await ana.rooms.revokeInvitation({ roomId, invitationId });
    parley.clock.advance(1000);
    const usable = [await invite(ana, roomId), await invite(ana, roomId, { userId: eve.userId })];
    usable.push(await invite(ana, roomId, { maxUses: 2 }));
    const seen: string[] = [];
    let pageToken = "";
    do {
      const page = await ana.rooms.listInvitations({ roomId, pageSize: 2, pageToken });
      seen.push(...page.invitations.map((shown) => shown.invitationId));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(seen).toEqual(usable.map((shown) => shown.invitationId));
  });

  test("counts uses", async () => {
    const { ana, eve, roomId } = await startWithRoom();
    const { code } = await invite(ana, roomId, { maxUses: 2 });
    await eve.rooms.acceptInvitation(byCode(code));
    const { invitations } = await ana.rooms.listInvitations({ roomId });
    expect(invitations).toMatchObject([{ uses: 1, maxUses: 2 }]);
  });
});

describe("RevokeInvitation", () => {
  test("ends it, once", async () => {
    const { ana, eve, roomId } = await startWithRoom();
    const { invitationId, code } = await invite(ana, roomId);
    await ana.rooms.revokeInvitation({ roomId, invitationId });
    await ana.rooms.revokeInvitation({ roomId, invitationId });
    expect(await refusal(eve.rooms.acceptInvitation(byCode(code)))).toBe("INVITATION_NOT_FOUND");
  });

  test("doesn't find what the room never had", async () => {
    const { ana, roomId } = await startWithRoom();
    const { invitationId } = await invite(ana, await createRoom(ana));
    for (const unknown of [invitationId, newId(), "x"]) {
      const call = ana.rooms.revokeInvitation({ roomId, invitationId: unknown });
      expect(await refusal(call)).toBe("INVITATION_NOT_FOUND");
    }
  });
});
