import { randomUUID } from "node:crypto";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Kysely } from "kysely";
import { type RoomChange, RoomChangeSchema } from "#gen/parley/room/v1/room_change_pb.js";
import type { Database } from "../common/database/database.ts";
import { insertOutboxRow } from "../common/database/outbox-table.ts";
import { transact } from "../common/database/transact.ts";
import type { Outbox } from "../common/events/outbox.ts";
import { roomTopic } from "../common/events/topics.ts";
import { isId } from "../common/ids.ts";
import { insertChanges } from "./db/changes.ts";
import { insertRoom, lockRoom, type NewRoom, type RoomState, saveRoom } from "./db/rooms.ts";
import type { RoomTables } from "./db/tables.ts";
import { RoomNotFoundError } from "./errors.ts";
import { announcementOf, recordsOf } from "./events.ts";
import type { Handover } from "./handover.ts";

/**
 * The one way in which rooms are written.
 *
 * A call is one transaction, done anew where another one got in its way. It locks the room's row first, so the writes
 * of a room come one after the other, each decides on what the one before left, and versions have no gaps. The changes
 * it makes are logged and announced in the same transaction. What is refused is thrown, and changes nothing.
 *
 * Then, the transaction being over, everything of the room that the timeline does not have yet is handed over, and only
 * then does the call answer, refusals included: an answer never tells of a change that the timeline doesn't show. When
 * that fails the call fails with UNAVAILABLE, whatever it decided; repeating it is safe, because what was done is not
 * done twice and what waits is handed over again.
 */
export interface RoomWrites {
  /** Writes into a room. Throws RoomNotFoundError if there never was one with this id. */
  write<T>(roomId: string, decide: Decide<T>): Promise<T>;
  /** Writes into the room that `find` names, or else into a new one, so that the same is never made twice. */
  writeOrCreate<T>(
    find: (db: Kysely<RoomTables>) => Promise<string | undefined>,
    fresh: NewRoom,
    decide: (locked: LockedRoom, created: boolean) => Promise<T>,
  ): Promise<T>;
}

/** What a call does inside the transaction. It may be a deleted room. */
export type Decide<T> = (locked: LockedRoom) => Promise<T>;

/** A room under its lock. */
export interface LockedRoom {
  /** The transaction. */
  readonly db: Kysely<RoomTables>;
  /** What is set here is saved when the call succeeds. */
  readonly room: RoomState;
  /** The time of this call's changes, in ms: now, but never before the last change of the room. */
  readonly at: number;
  /** Adds a change; answers its version. */
  record(actorId: string, body: ChangeBody): number;
}

/** What a change says. */
export type ChangeBody = NonNullable<MessageInitShape<typeof RoomChangeSchema>["body"]>;

export interface RoomWritesDeps {
  database: Database<RoomTables>;
  handover: Pick<Handover, "settle">;
  outbox: Pick<Outbox, "committed">;
  /** Now, in ms. */
  clock: () => number;
}

export function createRoomWrites({ database, handover, outbox, clock }: RoomWritesDeps): RoomWrites {
  const decideIn = async <T>(
    enter: (db: Kysely<RoomTables>) => Promise<RoomState>,
    decide: Decide<T>,
  ): Promise<T> => {
    let pending: string | undefined;
    try {
      const { answer, row, changes } = await transact(database.kysely, async (db) => {
        const room = await enter(db);
        if (room.appliedVersion < room.version) pending = room.roomId;
        const changes: RoomChange[] = [];
        const answer = await decide(lock(db, room, changes, Math.max(clock(), room.changedAt)));
        const row = await save(db, room, changes, clock());
        if (changes.length > 0) pending = room.roomId;
        return { answer, row, changes };
      });
      if (row !== undefined) {
        outbox.committed([{ ids: [row], topic: roomTopic, records: recordsOf(changes) }]);
      }
      return answer;
    } finally {
      if (pending !== undefined) await handover.settle(pending);
    }
  };

  return {
    write: async (roomId, decide) => {
      if (!isId(roomId)) throw new RoomNotFoundError();
      return decideIn((db) => lockKnown(db, roomId), decide);
    },
    writeOrCreate: async (find, fresh, decide) => {
      let created = false;
      const enter = async (db: Kysely<RoomTables>) => {
        created = false;
        const known = await find(db);
        if (known !== undefined) return lockKnown(db, known);
        created = true;
        return insertRoom(db, fresh);
      };
      return decideIn(enter, (locked) => decide(locked, created));
    },
  };
}

async function lockKnown(db: Kysely<RoomTables>, roomId: string): Promise<RoomState> {
  const room = await lockRoom(db, roomId);
  if (room === undefined) throw new RoomNotFoundError();
  return room;
}

function lock(db: Kysely<RoomTables>, room: RoomState, changes: RoomChange[], at: number): LockedRoom {
  return {
    db,
    room,
    at,
    record(actorId, body) {
      room.version += 1;
      room.changedAt = at;
      changes.push(
        create(RoomChangeSchema, {
          roomId: room.roomId,
          version: BigInt(room.version),
          changeId: randomUUID(),
          actorId,
          at: timestampFromMs(at),
          kind: room.kind,
          body,
        }),
      );
      return room.version;
    },
  };
}

/** Saves the room, logs the call's changes and announces them; answers the outbox row that does. */
async function save(
  db: Kysely<RoomTables>,
  room: RoomState,
  changes: RoomChange[],
  now: number,
): Promise<number | undefined> {
  const [first] = changes;
  if (first === undefined) {
    await saveRoom(db, room);
    return undefined;
  }
  for (const change of changes) change.callVersion = BigInt(room.version);
  room.pendingSince ??= now;
  await saveRoom(db, room);
  await insertChanges(db, changes);
  return insertOutboxRow(db, announcementOf(changes, now));
}
