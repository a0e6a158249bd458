import { expect, test } from "vitest";
import { Role, RoomKind } from "#gen/parley/room/v1/room_pb.js";
import { newId } from "../common/ids.ts";
import { given, plain, refusal, startTestRoom } from "./test-room.ts";

test("a direct room is the same for both, and has two members", async () => {
  const parley = await startTestRoom();
  const [ana, ben] = [await parley.person(), await parley.person()];
  const { room } = await ana.rooms.openDirectRoom({ userId: ben.userId });
  const { roomId } = given(room);
  expect(plain(room)).toEqual({
    roomId,
    kind: RoomKind.DIRECT,
    name: "",
    topic: "",
    myRole: Role.MEMBER,
    memberCount: 2,
  });
  expect((await ben.rooms.openDirectRoom({ userId: ana.userId })).room).toEqual(room);
  expect(parley.message.timelineOf(roomId)).toEqual([
    `memberJoined ${ana.userId}`,
    `memberJoined ${ben.userId}`,
  ]);
  expect(parley.message.changesOf(roomId).map(({ kind }) => kind)).toEqual([
    RoomKind.DIRECT,
    RoomKind.DIRECT,
  ]);
});

test("many who open it at once get one room", async () => {
  const parley = await startTestRoom();
  const [ana, ben] = [await parley.person(), await parley.person()];
  const opens = Array.from({ length: 10 }, (_, index) =>
    index % 2
      ? ana.rooms.openDirectRoom({ userId: ben.userId })
      : ben.rooms.openDirectRoom({ userId: ana.userId }),
  );
  const rooms = await Promise.all(opens);
  expect(new Set(rooms.map(({ room }) => room?.roomId)).size).toBe(1);
});

test("it is with someone else, who exists", async () => {
  const parley = await startTestRoom();
  const ana = await parley.person();
  expect(await refusal(ana.rooms.openDirectRoom({ userId: ana.userId }))).toBe("DIRECT_ROOM");
  expect(await refusal(ana.rooms.openDirectRoom({ userId: newId() }))).toBe("USER_NOT_FOUND");
  expect(await refusal(ana.rooms.openDirectRoom({ userId: "" }))).toBe("USER_NOT_FOUND");
});

test("it is never left, renamed, deleted, invited to or given roles in", async () => {
  const parley = await startTestRoom();
  const [ana, ben, eve] = [await parley.person(), await parley.person(), await parley.person()];
  const roomId = given((await ana.rooms.openDirectRoom({ userId: ben.userId })).room).roomId;
  const [userId, role] = [ben.userId, Role.ADMIN];
  const attempts = ({ rooms }: typeof ana) => [
    rooms.leaveRoom({ roomId }),
    rooms.removeMember({ roomId, userId }),
    rooms.removeMember({ roomId, userId: newId() }),
    rooms.updateMember({ roomId, userId, role }),
    rooms.updateMember({ roomId, userId: newId(), role }),
    rooms.updateRoom({ roomId, name: "name" }),
    rooms.deleteRoom({ roomId }),
    rooms.createInvitation({ roomId }),
    rooms.createInvitation({ roomId, userId: newId() }),
    rooms.listInvitations({ roomId }),
    rooms.revokeInvitation({ roomId, invitationId: newId() }),
  ];
  expect(new Set(await Promise.all(attempts(ana).map(refusal)))).toEqual(new Set(["DIRECT_ROOM"]));
  expect(new Set(await Promise.all(attempts(eve).map(refusal)))).toEqual(new Set(["ROOM_NOT_FOUND"]));
  expect(parley.message.changesOf(roomId)).toHaveLength(2);
});
