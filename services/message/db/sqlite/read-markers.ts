import type { DatabaseSync } from "node:sqlite";
import { bytesToId } from "../../../common/ids.ts";
import { type Announced, eventKind, feedKind, type MarkReadOp, type Read } from "../../types.ts";
import type { Batch } from "./batch.ts";
import type { MemberState, RoomState } from "./rows.ts";

export interface ReadMarkerOps {
  markRead(batch: Batch, room: RoomState, member: MemberState, op: MarkReadOp): Read;
  announceReads(batch: Batch, limit: number): Announced;
}

/** Markers of so long in one room are one entry of the person's feed. */
const gatherMs = 3000;

export function createReadMarkerOps(db: DatabaseSync): ReadMarkerOps {
  const postsUpTo = createPostCount(db);
  const ownPostsAfter = createOwnPostCount(db);
  const putDue = db.prepare(`
    insert into feed_due (user_no, room_no, due_at) values (?, ?, ?) on conflict (user_no, room_no) do nothing`);
  const selectDue = db.prepare(`
    select due.user_no, due.room_no, person.user_id, room.room_id
    from feed_due as due
    join person on person.user_no = due.user_no
    join room on room.room_no = due.room_no
    where due.due_at <= ? order by due.due_at limit ?`);
  const deleteDue = db.prepare("delete from feed_due where user_no = ? and room_no = ?");

  return {
    markRead(batch, room, member, [, , , asked]) {
      const seq = Math.min(asked, room.headSeq);
      const moved = seq > member.readSeq;
      if (moved) {
        member.ownPosts = ownPostsAfter(room, member, seq);
        member.readPosts = postsUpTo(room, seq);
        member.readSeq = seq;
        room.changedMembers.add(member);
        putDue.run(member.userNo, room.roomNo, batch.now + gatherMs);
      }
      return ["read", member.readSeq, room.postCount - member.readPosts - member.ownPosts, moved];
    },

    announceReads(batch, limit) {
      const due = selectDue.all(batch.now, limit) as unknown as DueRow[];
      for (const row of due) {
        deleteDue.run(row.user_no, row.room_no);
        const userId = bytesToId(row.user_id);
        const room = batch.room(bytesToId(row.room_id));
        const member = room && batch.member(room, userId);
        // Who is no longer in the room has no marker there.
        if (room === undefined || member === undefined) continue;
        const { markedRead: kind } = feedKind;
        batch.feed(batch.person(userId), { at: batch.now, kind, room, number: member.readSeq });
      }
      return ["announced", due.length];
    },
  };
}

interface DueRow {
  user_no: number;
  room_no: number;
  user_id: Uint8Array;
  room_id: Uint8Array;
}

function createPostCount(db: DatabaseSync) {
  const select = db.prepare("select post_no from event where room_no = ? and seq = ?");
  return (room: RoomState, seq: number): number =>
    seq === room.headSeq ? room.postCount : (select.get(room.roomNo, seq) as { post_no: number }).post_no;
}

/**
 * How many posts of one's own there are after a seq above the marker. They are counted only if there are any after the
 * marker, and on the shorter side of the seq. A marker only rises, so nobody has an event counted twice from below.
 */
function createOwnPostCount(db: DatabaseSync) {
  const count = db.prepare(`
    select count(*) as posts from event
    where room_no = ? and seq > ? and seq <= ? and kind = ${eventKind.messagePosted} and actor_no = ?`);

  return (
    { roomNo, headSeq }: RoomState,
    { userNo, readSeq, ownPosts }: MemberState,
    seq: number,
  ): number => {
    const ownPostsIn = (after: number, upTo: number) =>
      (count.get(roomNo, after, upTo, userNo) as { posts: number }).posts;
    if (ownPosts === 0 || seq === headSeq) return 0;
    return headSeq - seq < seq - readSeq ? ownPostsIn(seq, headSeq) : ownPosts - ownPostsIn(readSeq, seq);
  };
}
