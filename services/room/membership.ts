import { Role, RoomKind } from "#gen/parley/room/v1/room_pb.js";
import { deleteAllMembers, deleteMember, findMember, insertMembers, type Member } from "./db/members.ts";
import { countRoomIn, countRoomOut, countRoomOutForAll } from "./db/people.ts";
import type { RoomState } from "./db/rooms.ts";
import {
  DirectRoomError,
  RoleTooLowError,
  RoomFullError,
  RoomNotFoundError,
  TooManyRoomsError,
} from "./errors.ts";
import type { LockedRoom } from "./room-writes.ts";

/**
 * Coming into a room and going out of it, with all that is counted, and the checks that stand before every write, in
 * the order in which they are made: member, kind of room, role.
 */

/** How much is allowed. */
export interface RoomLimits {
  readonly maxMembersPerRoom: number;
  readonly maxRoomsPerUser: number;
}

/** The caller as a member. Strangers, the removed, and everyone in a deleted room: RoomNotFoundError. */
export async function requireMember({ db, room }: LockedRoom, callerId: string): Promise<Member> {
  const member = room.deletedAt === null ? await findMember(db, room.roomId, callerId) : undefined;
  if (member === undefined) throw new RoomNotFoundError();
  return member;
}

export function requireGroup({ kind }: RoomState): void {
  if (kind === RoomKind.DIRECT) throw new DirectRoomError();
}

export function requireRole(allowed: boolean): void {
  if (!allowed) throw new RoleTooLowError();
}

/** Adds people who are not in the room, in this order. Throws RoomFullError or TooManyRoomsError. */
export async function enter(
  locked: LockedRoom,
  limits: RoomLimits,
  actorId: string,
  people: readonly { userId: string; role: Role }[],
): Promise<void> {
  const { db, room, at } = locked;
  room.memberCount += people.length;
  room.ownerCount += people.filter(({ role }) => role === Role.OWNER).length;
  if (room.memberCount > limits.maxMembersPerRoom) throw new RoomFullError(limits.maxMembersPerRoom);
  const members = people.map(({ userId, role }) => ({
    userId,
    role,
    joinedAt: at,
    ordinal: locked.record(actorId, { case: "memberJoined", value: { userId, role } }),
  }));
  await insertMembers(db, room.roomId, members);
  const userIds = people.map(({ userId }) => userId);
  if (!(await countRoomIn(db, userIds, limits.maxRoomsPerUser))) {
    throw new TooManyRoomsError(limits.maxRoomsPerUser);
  }
}

/** Takes a member out. The change that says why is the caller's to record. */
export async function exit({ db, room }: LockedRoom, member: Member): Promise<void> {
  room.memberCount -= 1;
  if (member.role === Role.OWNER) room.ownerCount -= 1;
  await deleteMember(db, room.roomId, member.userId);
  await countRoomOut(db, member.userId);
}

/** Ends the room: its last change. The id and the log of changes stay; how to get in is forgotten with the handover. */
export async function endRoom(locked: LockedRoom, actorId: string): Promise<void> {
  const { db, room, at } = locked;
  locked.record(actorId, { case: "roomDeleted", value: {} });
  room.deletedAt = at;
  room.name = "";
  room.topic = "";
  room.memberCount = 0;
  room.ownerCount = 0;
  await countRoomOutForAll(db, room.roomId);
  await deleteAllMembers(db, room.roomId);
}
