import type { Kysely } from "kysely";
import { Role, RoomKind } from "#gen/parley/room/v1/room_pb.js";
import type { Database } from "../common/database/database.ts";
import { isId, newId } from "../common/ids.ts";
import { decodePageToken, encodePageToken } from "../common/page-token.ts";
import { contentHash, sameContent } from "./content-hash.ts";
import { findRoomByClientId, findRoomOfMember, listRoomsOfMember, type RoomOfMember } from "./db/rooms.ts";
import type { RoomTables } from "./db/tables.ts";
import { ClientIdReusedError, RoomNotFoundError, UserNotFoundError } from "./errors.ts";
import { endRoom, enter, type RoomLimits, requireGroup, requireMember, requireRole } from "./membership.ts";
import { mayDeleteRoom, mayUpdateRoom } from "./roles.ts";
import type { LockedRoom, RoomWrites } from "./room-writes.ts";
import type { Users } from "./users.ts";

export interface NewGroup {
  readonly name: string;
  readonly topic: string;
  readonly memberIds: readonly string[];
  readonly clientId: string | undefined;
}

export interface RoomUpdate {
  readonly name: string | undefined;
  readonly topic: string | undefined;
}

/** Rooms as people make, see, change and delete them. */
export interface Rooms {
  create(
    callerId: string,
    group: NewGroup,
    signal?: AbortSignal,
  ): Promise<RoomOfMember & { replayed: boolean }>;
  get(callerId: string, roomId: string): Promise<RoomOfMember>;
  /** Oldest first; `nextPageToken` is empty on the last page. */
  list(
    callerId: string,
    pageSize: number,
    pageToken: string | undefined,
  ): Promise<{ rooms: RoomOfMember[]; nextPageToken: string }>;
  update(callerId: string, roomId: string, update: RoomUpdate): Promise<RoomOfMember>;
  delete(callerId: string, roomId: string): Promise<void>;
}

export interface RoomsDeps {
  database: Database<RoomTables>;
  writes: RoomWrites;
  users: Users;
  limits: RoomLimits;
  /** Now, in ms. */
  clock: () => number;
}

export function createRooms({ database, writes, users, limits, clock }: RoomsDeps): Rooms {
  const db = database.kysely;
  return {
    async create(callerId, { name, topic, memberIds, clientId }, signal) {
      const others = [...new Set(memberIds)].filter((userId) => userId !== callerId);
      const content = [name, topic, ...others];
      const replay = async (locked: LockedRoom) => {
        const { room } = locked;
        const isSame = sameContent(room.contentHash, contentHash(room.roomId, content));
        if (room.deletedAt === null && !isSame) throw new ClientIdReusedError();
        const { role } = await requireMember(locked, callerId);
        return { room, role, replayed: true };
      };
      const find = async (db: Kysely<RoomTables>) =>
        clientId === undefined ? undefined : findRoomByClientId(db, callerId, clientId);
      const known = await find(db);
      if (known !== undefined) return writes.write(known, replay);

      const unknown = others.length > 0 ? await users.findUnknown(others, signal) : [];
      if (unknown.length > 0) throw new UserNotFoundError();
      const roomId = newId();
      return writes.writeOrCreate(
        find,
        {
          roomId,
          kind: RoomKind.GROUP,
          name,
          topic,
          creatorId: callerId,
          createdAt: clock(),
          client:
            clientId === undefined ? undefined : { id: clientId, contentHash: contentHash(roomId, content) },
        },
        async (locked, created) => {
          if (!created) return replay(locked);
          await enter(locked, limits, callerId, [
            { userId: callerId, role: Role.OWNER },
            ...others.map((userId) => ({ userId, role: Role.MEMBER })),
          ]);
          return { room: locked.room, role: Role.OWNER, replayed: false };
        },
      );
    },

    async get(callerId, roomId) {
      const found = isId(roomId) ? await findRoomOfMember(db, roomId, callerId) : undefined;
      if (found === undefined) throw new RoomNotFoundError();
      return found;
    },

    async list(callerId, pageSize, pageToken) {
      const list = `rooms ${callerId}`;
      const after = decodePageToken(list, pageToken, isId);
      const found = await listRoomsOfMember(db, callerId, after, pageSize + 1);
      const rooms = found.slice(0, pageSize);
      const last = found.length > pageSize ? rooms.at(-1) : undefined;
      return { rooms, nextPageToken: last ? encodePageToken(list, last.room.roomId) : "" };
    },

    update: (callerId, roomId, update) =>
      writes.write(roomId, async (locked) => {
        const { room } = locked;
        const { role } = await requireMember(locked, callerId);
        requireGroup(room);
        requireRole(mayUpdateRoom(role));
        const { name = room.name, topic = room.topic } = update;
        if (name !== room.name || topic !== room.topic) {
          room.name = name;
          room.topic = topic;
          locked.record(callerId, { case: "roomUpdated", value: { name, topic } });
        }
        return { room, role };
      }),

    delete: (callerId, roomId) =>
      writes.write(roomId, async (locked) => {
        const { role } = await requireMember(locked, callerId);
        requireGroup(locked.room);
        requireRole(mayDeleteRoom(role));
        await endRoom(locked, callerId);
      }),
  };
}
