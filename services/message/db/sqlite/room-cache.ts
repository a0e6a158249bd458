import type { MemberState, RoomState, Rows } from "./rows.ts";

/**
 * Rooms and members as the last transactions left them, so that what is busy is not read again for each.
 *
 * What a procedure did is true once it is committed, and that comes after it has returned. So before anything is
 * believed, the database is asked whether it has what the last batch wrote: one of its rows tells for all of them. Only
 * `append` writes rooms and members, and only this connection writes at all.
 */
export interface RoomCache {
  /** Comes first in a transaction. */
  begin(): void;
  get(roomId: string): RoomState | undefined;
  add(room: RoomState): void;
  addMember(room: RoomState, userId: string, member: MemberState | undefined): void;
  /** Comes last: this was written, of these rooms. */
  finish(rooms: Iterable<RoomState>): void;
}

/** Rooms and members, at some 200 bytes each. */
const limit = 50_000;

export function createRoomCache(rows: Rows): RoomCache {
  const rooms = new Map<string, RoomState>();
  let size = 0;
  /** Whether the last batch came to its end, and then what it wrote. */
  let finished = true;
  let written: { room: RoomState; member: MemberState | undefined } | undefined;

  function clear(): void {
    rooms.clear();
    size = 0;
  }

  function isCommitted(): boolean {
    if (!finished) return false;
    if (written === undefined) return true;
    const { room, member } = written;
    return member ? rows.hasMember(room, member) : rows.hasRoom(room);
  }

  return {
    begin() {
      if (!isCommitted() || size > limit) clear();
      finished = false;
      written = undefined;
    },
    get: (roomId) => rooms.get(roomId),
    add(room) {
      rooms.set(room.roomId, room);
      size += 1;
    },
    addMember(room, userId, member) {
      room.members.set(userId, member);
      size += 1;
    },
    finish(touched) {
      finished = true;
      for (const room of touched) {
        const [member] = room.changedMembers;
        if (member || room.changed) written ??= { room, member };
        room.changed = false;
        room.changedMembers.clear();
      }
    },
  };
}
