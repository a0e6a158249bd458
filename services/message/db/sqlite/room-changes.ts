import type { DatabaseSync } from "node:sqlite";
import { bytesToId, idToBytes } from "../../../common/ids.ts";
import {
  type Announced,
  type Applied,
  type ApplyOp,
  type EventRow,
  eventKind,
  feedKind,
  invitedChange,
  leftReason,
  type RoomChangeRow,
} from "../../types.ts";
import type { Batch } from "./batch.ts";
import type { Events } from "./events.ts";
import type { RoomState } from "./rows.ts";

export interface RoomChangeOps {
  apply(batch: Batch, op: ApplyOp): Applied;
  announceDeletions(batch: Batch, limit: number): Announced;
}

/** The deletion of a room with more people is told them in the background. */
const toldAtOnce = 200;

/**
 * Applies what Room decided, in the order of the versions: the timeline event, who is a member, the entries in the feeds
 * of those whom it concerns. Everything is decided before the first write.
 */
export function createRoomChangeOps(db: DatabaseSync, { events }: { events: Events }): RoomChangeOps {
  const members = createMembers(db);
  const selectChange = db.prepare("select change_id from room_change where room_no = ? and version = ?");
  const insertChange = db.prepare("insert into room_change (room_no, version, change_id) values (?, ?, ?)");
  const insertDeleted = db.prepare(`
    insert into deleted_room (room_no, announced, erased_seq) values (?, ?, 0)`);
  const selectDeleted = db.prepare(`
    select deleted.room_no, room.room_id, room.deleted_at from deleted_room as deleted
    join room on room.room_no = deleted.room_no where announced = 0 limit 1`);
  const noteAnnounced = db.prepare("update deleted_room set announced = 1 where room_no = ?");

  function isKnown({ roomNo }: RoomState, { version, changeId }: RoomChangeRow): boolean {
    const row = selectChange.get(roomNo, version) as { change_id: Uint8Array } | undefined;
    return row !== undefined && bytesToId(row.change_id) === changeId;
  }

  /** Tells up to `limit` members that their room is gone, and forgets that they were in it; answers how many. */
  function announceDeletion(batch: Batch, room: RoomState, at: number, limit: number): number {
    const left = members.some(room, limit);
    for (const { userNo, userId } of left) {
      members.remove(room, userNo, userId);
      const number = leftReason.roomDeleted;
      batch.feed(batch.person(userId), { at, kind: feedKind.roomLeft, room, number });
    }
    return left.length;
  }

  function join(batch: Batch, room: RoomState, at: number, { actorId, userId, role }: RoomChangeRow): void {
    const person = batch.person(userId);
    const actorNo = batch.person(actorId).userNo;
    events.append(room, at, { kind: eventKind.memberJoined, actorNo, subjectNo: person.userNo, role });
    members.put(room, person.userNo, userId, role);
    batch.feed(person, { at: room.headAt, kind: feedKind.roomJoined, room, number: room.headSeq });
  }

  function leave(batch: Batch, room: RoomState, at: number, change: RoomChangeRow): void {
    const { kind, actorId, userId } = change;
    const person = batch.person(userId);
    const actorNo = batch.person(actorId).userNo;
    events.append(room, at, { kind, actorNo, subjectNo: person.userNo });
    members.remove(room, person.userNo, userId);
    const number = kind === eventKind.memberLeft ? leftReason.left : leftReason.removed;
    batch.feed(person, { at: room.headAt, kind: feedKind.roomLeft, room, number });
  }

  function setRole(
    batch: Batch,
    room: RoomState,
    at: number,
    { actorId, userId, role }: RoomChangeRow,
  ): void {
    const subjectNo = batch.person(userId).userNo;
    const actorNo = batch.person(actorId).userNo;
    events.append(room, at, { kind: eventKind.roleChanged, actorNo, subjectNo, role });
    members.setRole(batch, room, subjectNo, userId, role);
  }

  function deleteRoom(batch: Batch, room: RoomState, at: number, { actorId }: RoomChangeRow): void {
    const actorNo = batch.person(actorId).userNo;
    events.append(room, at, { kind: eventKind.roomDeleted, actorNo });
    room.deletedAt = room.headAt;
    const few = members.some(room, toldAtOnce + 1).length <= toldAtOnce;
    insertDeleted.run(room.roomNo, few ? 1 : 0);
    if (few) announceDeletion(batch, room, room.headAt, toldAtOnce);
  }

  function update(batch: Batch, room: RoomState, at: number, change: RoomChangeRow): void {
    const { kind, actorId, name, topic } = change;
    events.append(room, at, { kind, actorNo: batch.person(actorId).userNo, name, topic });
  }

  function invite(batch: Batch, room: RoomState, at: number, change: RoomChangeRow): void {
    const { userId, invitationId } = change;
    batch.feed(batch.person(userId), { at, kind: feedKind.invited, room, invitationId });
  }

  const byKind = new Map([
    [eventKind.memberJoined, join],
    [eventKind.memberLeft, leave],
    [eventKind.memberRemoved, leave],
    [eventKind.roleChanged, setRole],
    [eventKind.roomUpdated, update],
    [eventKind.roomDeleted, deleteRoom],
    [invitedChange, invite],
  ] as [kind: number, typeof join][]);

  function applyOne(batch: Batch, room: RoomState, change: RoomChangeRow): void {
    const applyKind = byKind.get(change.kind);
    if (!applyKind) throw new Error(`room ${room.roomId}: version ${change.version} is of no known kind`);
    // Another machine's clock may be ahead; a time to come would be every later event's.
    applyKind(batch, room, Math.min(change.at, batch.now), change);
    insertChange.run(room.roomNo, change.version, idToBytes(change.changeId));
    room.version = change.version;
    room.changed = true;
  }

  return {
    apply(batch, [, roomId, changes]) {
      const found = batch.room(roomId);
      const applied = found?.version ?? 0;
      const known = changes.filter(({ version }) => version <= applied);
      const fresh = changes.slice(known.length);
      const strange = known.find((change) => found === undefined || !isKnown(found, change));
      if (strange) return ["conflict", strange.version];
      if (fresh.some(({ version }, index) => version !== applied + 1 + index)) return ["gap", applied];
      const rows: EventRow[] = [];
      if (fresh.length === 0) return ["applied", applied, rows];
      const room = found ?? batch.createRoom(roomId);
      for (const change of fresh) {
        const seqBefore = room.headSeq;
        applyOne(batch, room, change);
        if (room.headSeq > seqBefore) rows.push(eventRow(room, change));
      }
      return ["applied", room.version, rows];
    },

    announceDeletions(batch, limit) {
      const row = selectDeleted.get() as DeletedRow | undefined;
      const room = row && batch.room(bytesToId(row.room_id));
      if (row === undefined || room === undefined) return ["announced", 0];
      const count = announceDeletion(batch, room, row.deleted_at, limit);
      if (count < limit) noteAnnounced.run(row.room_no);
      // Another room may be waiting, so what is told is that there was one.
      return ["announced", limit];
    },
  };
}

interface DeletedRow {
  room_no: number;
  room_id: Uint8Array;
  deleted_at: number;
}

/** The event that a change has just made. */
function eventRow(room: RoomState, change: RoomChangeRow): EventRow {
  const { kind, actorId, userId, role, name, topic } = change;
  const text = kind === eventKind.roomUpdated ? name : userId;
  return [room.headSeq, kind, actorId, room.headAt, text, role, topic];
}

/** Who is in which room: the table, and what the batch knows of it. */
function createMembers(db: DatabaseSync) {
  const put = db.prepare(`
    insert or replace into member (room_no, user_no, role, read_seq, read_posts, own_posts)
    values (?, ?, ?, ?, ?, 0)`);
  const setRole = db.prepare("update member set role = ? where room_no = ? and user_no = ?");
  const remove = db.prepare("delete from member where room_no = ? and user_no = ?");
  const some = db.prepare(`
    select member.user_no, person.user_id from member join person on person.user_no = member.user_no
    where member.room_no = ? order by member.user_no limit ?`);

  /** The row is another now. */
  function forget(room: RoomState, userId: string): void {
    const member = room.members.get(userId);
    if (member) room.changedMembers.delete(member);
    room.members.delete(userId);
  }

  return {
    /** The marker starts at the event by which one joined, which is the head. */
    put(room: RoomState, userNo: number, userId: string, role: number): void {
      forget(room, userId);
      put.run(room.roomNo, userNo, role, room.headSeq, room.postCount);
    },
    setRole(batch: Batch, room: RoomState, userNo: number, userId: string, role: number): void {
      setRole.run(role, room.roomNo, userNo);
      const member = batch.member(room, userId);
      if (member) member.role = role;
    },
    remove(room: RoomState, userNo: number, userId: string): void {
      forget(room, userId);
      remove.run(room.roomNo, userNo);
    },
    some({ roomNo }: RoomState, limit: number): { userNo: number; userId: string }[] {
      const rows = some.all(roomNo, limit) as { user_no: number; user_id: Uint8Array }[];
      return rows.map(({ user_no, user_id }) => ({ userNo: user_no, userId: bytesToId(user_id) }));
    },
  };
}
