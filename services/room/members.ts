import { Role } from "#gen/parley/room/v1/room_pb.js";
import type { Database } from "../common/database/database.ts";
import { isId } from "../common/ids.ts";
import { decodePageToken, encodePageToken, isOrdinal } from "../common/page-token.ts";
import { barFromInvitations } from "./db/invitations.ts";
import { findMember, listMembers, type Member, updateMemberRole } from "./db/members.ts";
import { findRoomOfMember } from "./db/rooms.ts";
import type { RoomTables } from "./db/tables.ts";
import { LastOwnerError, MemberNotFoundError, RoomNotFoundError } from "./errors.ts";
import { endRoom, exit, requireGroup, requireMember, requireRole } from "./membership.ts";
import { mayRemove, maySetRole } from "./roles.ts";
import type { LockedRoom, RoomWrites } from "./room-writes.ts";

/** Who is in a room, what they may do there, and how they get out. */
export interface Members {
  /** In the order in which they joined; `nextPageToken` is empty on the last page. */
  list(
    callerId: string,
    roomId: string,
    pageSize: number,
    pageToken: string | undefined,
  ): Promise<{ members: Member[]; nextPageToken: string }>;
  setRole(callerId: string, roomId: string, userId: string, role: Role): Promise<Member>;
  /** Oneself: leaves. Nothing happens if the person is not in the room. */
  remove(callerId: string, roomId: string, userId: string): Promise<void>;
  leave(callerId: string, roomId: string): Promise<void>;
}

export interface MembersDeps {
  database: Database<RoomTables>;
  writes: RoomWrites;
}

export function createMembers({ database, writes }: MembersDeps): Members {
  const db = database.kysely;
  return {
    async list(callerId, roomId, pageSize, pageToken) {
      const list = `members ${roomId}`;
      const after = Number(decodePageToken(list, pageToken, isOrdinal) ?? 0);
      const isMember = isId(roomId) && (await findRoomOfMember(db, roomId, callerId)) !== undefined;
      if (!isMember) throw new RoomNotFoundError();
      const found = await listMembers(db, roomId, after, pageSize + 1);
      const members = found.slice(0, pageSize);
      const last = found.length > pageSize ? members.at(-1) : undefined;
      return { members, nextPageToken: last ? encodePageToken(list, `${last.ordinal}`) : "" };
    },

    setRole: (callerId, roomId, userId, role) =>
      writes.write(roomId, async (locked) => {
        const { db, room } = locked;
        const caller = await requireMember(locked, callerId);
        requireGroup(room);
        const member = isId(userId) ? await findMember(db, roomId, userId) : undefined;
        if (member === undefined) throw new MemberNotFoundError();
        // Whoever stepped down is too low to do it again: the repeated call must answer as the first did.
        if (userId === callerId && member.role === role) return member;
        requireRole(maySetRole(caller.role, member.role, role));
        if (member.role === role) return member;
        room.ownerCount += Number(role === Role.OWNER) - Number(member.role === Role.OWNER);
        if (room.ownerCount === 0) throw new LastOwnerError();
        await updateMemberRole(db, roomId, userId, role);
        locked.record(callerId, { case: "roleChanged", value: { userId, role } });
        return { ...member, role };
      }),

    remove: (callerId, roomId, userId) =>
      writes.write(roomId, async (locked) => {
        const caller = await requireMember(locked, callerId);
        requireGroup(locked.room);
        if (userId === callerId) return leave(locked, caller);
        const member = isId(userId) ? await findMember(locked.db, roomId, userId) : undefined;
        if (member === undefined) return;
        requireRole(mayRemove(caller.role, member.role));
        await exit(locked, member);
        await barFromInvitations(locked.db, roomId, userId, locked.room.invitationCount);
        locked.record(callerId, { case: "memberRemoved", value: { userId } });
      }),

    leave: (callerId, roomId) =>
      writes.write(roomId, async (locked) => {
        const caller = await requireMember(locked, callerId);
        requireGroup(locked.room);
        await leave(locked, caller);
      }),
  };
}

/** The last owner stays while others are in; the last person takes the room along. */
async function leave(locked: LockedRoom, member: Member): Promise<void> {
  const { room } = locked;
  const isLastOwner = member.role === Role.OWNER && room.ownerCount === 1;
  if (isLastOwner && room.memberCount > 1) throw new LastOwnerError();
  await exit(locked, member);
  locked.record(member.userId, { case: "memberLeft", value: { userId: member.userId } });
  if (room.memberCount === 0) await endRoom(locked, member.userId);
}
