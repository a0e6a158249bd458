import { randomUUID } from "node:crypto";
import { RoomService } from "#gen/parley/room/v1/room_service_pb.js";
import { ok as good, type Person, roomOf } from "../api.ts";
import type { Method } from "../clients/client.ts";
import type { Scenario } from "./scene.ts";

const { method } = RoomService;
const paging = { pageSize: 0, pageToken: "x".repeat(1001) };
const pagingFields = ["page_size", "page_token"];

export const directRoomOf = async (one: Person, other: Person): Promise<string> =>
  (await good(one.post("/v1/rooms:direct", { userId: other.userId }))).room.roomId;

export const roomScenarios: ReadonlyMap<Method, Scenario> = new Map<Method, Scenario>([
  [
    method.createRoom,
    async ({ ada, bob, ok, refused, bad }) => {
      const request = { name: "Tea", topic: "Earl Grey", memberIds: [bob.userId], clientId: randomUUID() };
      await ok("with a member", ada, request);
      await ok("again", ada, request);
      await refused("another by the same id", ada, { ...request, name: "Mate" }, "CLIENT_ID_REUSED");
      await refused("with nobody", ada, { name: "Tea", memberIds: [randomUUID()] }, "USER_NOT_FOUND");
      const wrong = { name: "", topic: "x".repeat(501), memberIds: Array(101).fill("x"), clientId: "a b" };
      await bad("every field", ada, wrong, ["name", "topic", "member_ids", "client_id"]);
    },
  ],
  [
    method.openDirectRoom,
    async ({ ada, bob, ok, refused }) => {
      await ok("with another", ada, { userId: bob.userId });
      await ok("from the other side", bob, { userId: ada.userId });
      await refused("with oneself", ada, { userId: ada.userId }, "DIRECT_ROOM");
      await refused("with nobody", ada, { userId: randomUUID() }, "USER_NOT_FOUND");
    },
  ],
  [
    method.getRoom,
    async ({ ada, bob, eve, ok, refused }) => {
      const roomId = await roomOf(ada, bob);
      await ok("as a member", bob, { roomId });
      await refused("as a stranger", eve, { roomId }, "ROOM_NOT_FOUND");
      await refused("no id", ada, { roomId: "\u{1f44d}" }, "ROOM_NOT_FOUND");
    },
  ],
  [
    method.listRooms,
    async ({ person, ok, bad }) => {
      const who = await person("collects");
      await ok("none", who);
      await roomOf(who);
      await roomOf(who);
      const { nextPageToken = "" } = await ok("one", who, { pageSize: 1 });
      await ok("the other", who, { pageToken: nextPageToken });
      await bad("every field", who, paging, pagingFields);
    },
  ],
  [
    method.updateRoom,
    async ({ ada, bob, eve, ok, refused, bad }) => {
      const roomId = await roomOf(ada, bob);
      await ok("both", ada, { roomId, name: "Tea", topic: "" });
      await ok("nothing", ada, { roomId });
      await refused("as a member", bob, { roomId, name: "x" }, "ROLE_TOO_LOW");
      await refused("as a stranger", eve, { roomId, name: "x" }, "ROOM_NOT_FOUND");
      const direct = await directRoomOf(ada, bob);
      await refused("a direct one", ada, { roomId: direct, name: "x" }, "DIRECT_ROOM");
      await bad("every field", ada, { roomId, name: "", topic: "x".repeat(501) }, ["name", "topic"]);
    },
  ],
  [
    method.deleteRoom,
    async ({ ada, bob, ok, refused }) => {
      const roomId = await roomOf(ada, bob);
      await refused("as a member", bob, { roomId }, "ROLE_TOO_LOW");
      await ok("as its owner", ada, { roomId });
      await refused("again", ada, { roomId }, "ROOM_NOT_FOUND");
      await refused("a direct one", ada, { roomId: await directRoomOf(ada, bob) }, "DIRECT_ROOM");
    },
  ],
  [
    method.listMembers,
    async ({ ada, bob, eve, ok, refused, bad }) => {
      const roomId = await roomOf(ada, bob);
      await ok("all", bob, { roomId });
      const { nextPageToken = "" } = await ok("one", ada, { roomId, pageSize: 1 });
      await ok("the other", ada, { roomId, pageToken: nextPageToken });
      await refused("as a stranger", eve, { roomId }, "ROOM_NOT_FOUND");
      await bad("every field", ada, { roomId, ...paging }, pagingFields);
    },
  ],
  [
    method.updateMember,
    async ({ ada, bob, eve, ok, refused, bad }) => {
      const roomId = await roomOf(ada, bob);
      const role = "ROLE_ADMIN";
      await refused("as a member", bob, { roomId, userId: bob.userId, role }, "ROLE_TOO_LOW");
      await ok("as the owner", ada, { roomId, userId: bob.userId, role });
      await refused("no member", ada, { roomId, userId: eve.userId, role }, "MEMBER_NOT_FOUND");
      await refused("the last owner", ada, { roomId, userId: ada.userId, role }, "LAST_OWNER");
      await refused("as a stranger", eve, { roomId, userId: ada.userId, role }, "ROOM_NOT_FOUND");
      const direct = { roomId: await directRoomOf(ada, bob), userId: bob.userId, role };
      await refused("in a direct one", ada, direct, "DIRECT_ROOM");
      await bad("no role", ada, { roomId, userId: bob.userId }, ["role"]);
    },
  ],
  [
    method.removeMember,
    async ({ ada, bob, eve, ok, refused }) => {
      const roomId = await roomOf(ada, bob);
      await refused("as a member", bob, { roomId, userId: ada.userId }, "ROLE_TOO_LOW");
      await refused("the last owner", ada, { roomId, userId: ada.userId }, "LAST_OWNER");
      await ok("as the owner", ada, { roomId, userId: bob.userId });
      await ok("again", ada, { roomId, userId: bob.userId });
      await refused("as a stranger", eve, { roomId, userId: ada.userId }, "ROOM_NOT_FOUND");
      const direct = { roomId: await directRoomOf(ada, bob), userId: bob.userId };
      await refused("from a direct one", ada, direct, "DIRECT_ROOM");
    },
  ],
  [
    method.leaveRoom,
    async ({ ada, bob, ok, refused }) => {
      const roomId = await roomOf(ada, bob);
      await refused("the last owner", ada, { roomId }, "LAST_OWNER");
      await ok("a member", bob, { roomId });
      await refused("again", bob, { roomId }, "ROOM_NOT_FOUND");
      await refused("a direct one", ada, { roomId: await directRoomOf(ada, bob) }, "DIRECT_ROOM");
    },
  ],
  [
    method.createInvitation,
    async ({ ada, bob, eve, ok, refused, bad }) => {
      const roomId = await roomOf(ada, bob);
      const request = { roomId, maxUses: 3, expiresIn: "3600s", clientId: randomUUID() };
      await ok("by code", ada, request);
      await ok("again", ada, request);
      await refused("another by the same id", ada, { ...request, maxUses: 4 }, "CLIENT_ID_REUSED");
      await ok("for one person", ada, { roomId, userId: eve.userId });
      await refused("for nobody", ada, { roomId, userId: randomUUID() }, "USER_NOT_FOUND");
      await refused("as a member", bob, { roomId }, "ROLE_TOO_LOW");
      await refused("as a stranger", eve, { roomId }, "ROOM_NOT_FOUND");
      await refused("to a direct one", ada, { roomId: await directRoomOf(ada, bob) }, "DIRECT_ROOM");
      const wrong = { roomId, maxUses: 0, expiresIn: "0.5s", clientId: "" };
      await bad("every field", ada, wrong, ["max_uses", "expires_in", "client_id"]);
    },
  ],
  [
    method.listInvitations,
    async ({ ada, bob, eve, ok, refused, bad }) => {
      const roomId = await roomOf(ada, bob);
      await ok("none", ada, { roomId });
      for (const body of [{ maxUses: 2 }, { userId: eve.userId }])
        await good(ada.post(`/v1/rooms/${roomId}/invitations`, body));
      const { nextPageToken = "" } = await ok("one", ada, { roomId, pageSize: 1 });
      await ok("the other", ada, { roomId, pageToken: nextPageToken });
      await refused("as a member", bob, { roomId }, "ROLE_TOO_LOW");
      await refused("as a stranger", eve, { roomId }, "ROOM_NOT_FOUND");
      await refused("of a direct one", ada, { roomId: await directRoomOf(ada, bob) }, "DIRECT_ROOM");
      await bad("every field", ada, { roomId, ...paging }, pagingFields);
    },
  ],
  [
    method.revokeInvitation,
    async ({ ada, bob, ok, refused }) => {
      const roomId = await roomOf(ada, bob);
      const { invitation } = await good(ada.post(`/v1/rooms/${roomId}/invitations`));
      const request = { roomId, invitationId: invitation.invitationId };
      await refused("as a member", bob, request, "ROLE_TOO_LOW");
      await ok("as the owner", ada, request);
      await ok("again", ada, request);
      await refused("none", ada, { roomId, invitationId: randomUUID() }, "INVITATION_NOT_FOUND");
      const direct = { roomId: await directRoomOf(ada, bob), invitationId: randomUUID() };
      await refused("of a direct one", ada, direct, "DIRECT_ROOM");
    },
  ],
  [
    method.acceptInvitation,
    async ({ ada, bob, eve, ok, refused, bad }) => {
      const roomId = await roomOf(ada);
      const invite = (body: object) => good(ada.post(`/v1/rooms/${roomId}/invitations`, body));
      const { code } = await invite({});
      await ok("by code", bob, { code });
      await ok("again", bob, { code });
      const { invitation } = await invite({ userId: eve.userId });
      const { invitationId } = invitation;
      await refused("another's", bob, { invitationId }, "INVITATION_NOT_FOUND");
      await ok("one's own", eve, { invitationId });
      await refused("no code", eve, { code: "x" }, "INVITATION_NOT_FOUND");
      await bad("an empty one", eve, { code: "" }, ["code"]);
      await bad("neither", eve, {}, ["by"]);
    },
  ],
]);
