import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { InvitationSchema, MemberSchema, RoomSchema } from "#gen/parley/room/v1/room_pb.js";
import type { Invitation } from "./db/invitations.ts";
import type { Member } from "./db/members.ts";
import type { RoomOfMember } from "./db/rooms.ts";

/** How rooms, members and invitations look in the contract. */

export function encodeRoom({ room, role }: RoomOfMember): MessageInitShape<typeof RoomSchema> {
  return {
    roomId: room.roomId,
    kind: room.kind,
    name: room.name,
    topic: room.topic,
    createdAt: timestampFromMs(room.createdAt),
    myRole: role,
    memberCount: room.memberCount,
  };
}

export function encodeMember({ userId, role, joinedAt }: Member): MessageInitShape<typeof MemberSchema> {
  return { userId, role, joinedAt: timestampFromMs(joinedAt) };
}

export function encodeInvitation(invitation: Invitation): MessageInitShape<typeof InvitationSchema> {
  return {
    invitationId: invitation.invitationId,
    createdBy: invitation.creatorId,
    createdAt: timestampFromMs(invitation.createdAt),
    expiresAt: timestampFromMs(invitation.expiresAt),
    maxUses: invitation.maxUses,
    uses: invitation.uses,
    userId: invitation.userId,
  };
}
