import { durationMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { RoomService } from "#gen/parley/room/v1/room_service_pb.js";
import { InvalidArgumentError } from "../common/errors.ts";
import { requireCaller } from "../common/rpc/caller.ts";
import type { DirectRooms } from "./direct-rooms.ts";
import { encodeInvitation, encodeMember, encodeRoom } from "./encoding.ts";
import type { InvitationAcceptance } from "./invitation-acceptance.ts";
import type { Invitations } from "./invitations.ts";
import type { Members } from "./members.ts";
import type { Rooms } from "./rooms.ts";

export interface RoutesDeps {
  rooms: Rooms;
  directRooms: DirectRooms;
  members: Members;
  invitations: Invitations;
  acceptance: InvitationAcceptance;
}

const defaultPageSize = 50;
const defaultExpiresInMs = 7 * 24 * 60 * 60 * 1000;

export function createRoutes(deps: RoutesDeps): ServiceImpl<typeof RoomService> {
  const { rooms, directRooms, members, invitations, acceptance } = deps;
  return {
    async createRoom({ name, topic = "", memberIds, clientId }, context) {
      const { userId } = requireCaller(context);
      const made = await rooms.create(userId, { name, topic, memberIds, clientId }, context.signal);
      return { room: encodeRoom(made), replayed: made.replayed };
    },

    async openDirectRoom(request, context) {
      const { userId } = requireCaller(context);
      return { room: encodeRoom(await directRooms.open(userId, request.userId, context.signal)) };
    },

    async getRoom({ roomId }, context) {
      const { userId } = requireCaller(context);
      return { room: encodeRoom(await rooms.get(userId, roomId)) };
    },

    async listRooms({ pageSize = defaultPageSize, pageToken }, context) {
      const { userId } = requireCaller(context);
      const page = await rooms.list(userId, pageSize, pageToken);
      return { rooms: page.rooms.map(encodeRoom), nextPageToken: page.nextPageToken };
    },

    async updateRoom({ roomId, name, topic }, context) {
      const { userId } = requireCaller(context);
      return { room: encodeRoom(await rooms.update(userId, roomId, { name, topic })) };
    },

    async deleteRoom({ roomId }, context) {
      await rooms.delete(requireCaller(context).userId, roomId);
      return {};
    },

    async listMembers({ roomId, pageSize = defaultPageSize, pageToken }, context) {
      const { userId } = requireCaller(context);
      const page = await members.list(userId, roomId, pageSize, pageToken);
      return { members: page.members.map(encodeMember), nextPageToken: page.nextPageToken };
    },

    async updateMember({ roomId, userId, role }, context) {
      const caller = requireCaller(context);
      return { member: encodeMember(await members.setRole(caller.userId, roomId, userId, role)) };
    },

    async removeMember({ roomId, userId }, context) {
      await members.remove(requireCaller(context).userId, roomId, userId);
      return {};
    },

    async leaveRoom({ roomId }, context) {
      await members.leave(requireCaller(context).userId, roomId);
      return {};
    },

    async createInvitation({ roomId, maxUses, expiresIn, userId, clientId }, context) {
      const expiresInMs = expiresIn ? Math.floor(durationMs(expiresIn)) : defaultExpiresInMs;
      const wanted = { maxUses, expiresInMs, userId, clientId };
      const made = await invitations.create(requireCaller(context).userId, roomId, wanted, context.signal);
      return { invitation: encodeInvitation(made.invitation), code: made.code };
    },

    async listInvitations({ roomId, pageSize = defaultPageSize, pageToken }, context) {
      const { userId } = requireCaller(context);
      const page = await invitations.list(userId, roomId, pageSize, pageToken);
      return { invitations: page.invitations.map(encodeInvitation), nextPageToken: page.nextPageToken };
    },

    async revokeInvitation({ roomId, invitationId }, context) {
      await invitations.revoke(requireCaller(context).userId, roomId, invitationId);
      return {};
    },

    async acceptInvitation({ by }, context) {
      const { userId } = requireCaller(context);
      if (by.case === undefined) {
        throw new InvalidArgumentError([{ field: "by", description: "exactly one field is required" }]);
      }
      return { room: encodeRoom(await acceptance.accept(userId, by)) };
    },
  };
}
