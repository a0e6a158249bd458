import type { Kysely } from "kysely";
import { Role, RoomKind } from "#gen/parley/room/v1/room_pb.js";
import type { Database } from "../common/database/database.ts";
import { isId, newId } from "../common/ids.ts";
import { findDirectRoom, type RoomOfMember } from "./db/rooms.ts";
import type { RoomTables } from "./db/tables.ts";
import { DirectRoomError, UserNotFoundError } from "./errors.ts";
import { enter, type RoomLimits, requireMember } from "./membership.ts";
import type { LockedRoom, RoomWrites } from "./room-writes.ts";
import type { Users } from "./users.ts";

export interface DirectRoomsDeps {
  database: Database<RoomTables>;
  writes: RoomWrites;
  users: Users;
  limits: RoomLimits;
  /** Now, in ms. */
  clock: () => number;
}

/** The rooms of two: always the same one for a pair, made when either first opens it, and there for good. */
export interface DirectRooms {
  open(callerId: string, otherId: string, signal?: AbortSignal): Promise<RoomOfMember>;
}

export function createDirectRooms({ database, writes, users, limits, clock }: DirectRoomsDeps): DirectRooms {
  return {
    async open(callerId, otherId, signal) {
      if (otherId === callerId) throw new DirectRoomError("a direct room is with someone else");
      if (!isId(otherId)) throw new UserNotFoundError();
      const show = async (locked: LockedRoom) => {
        const { role } = await requireMember(locked, callerId);
        return { room: locked.room, role };
      };
      const find = (db: Kysely<RoomTables>) => findDirectRoom(db, callerId, otherId);
      const known = await find(database.kysely);
      if (known !== undefined) return writes.write(known, show);

      const unknown = await users.findUnknown([otherId], signal);
      if (unknown.length > 0) throw new UserNotFoundError();
      return writes.writeOrCreate(
        find,
        {
          roomId: newId(),
          kind: RoomKind.DIRECT,
          name: "",
          topic: "",
          creatorId: callerId,
          createdAt: clock(),
          pair: [callerId, otherId],
        },
        async (locked, created) => {
          if (!created) return show(locked);
          await enter(locked, limits, callerId, [
            { userId: callerId, role: Role.MEMBER },
            { userId: otherId, role: Role.MEMBER },
          ]);
          return { room: locked.room, role: Role.MEMBER };
        },
      );
    },
  };
}
