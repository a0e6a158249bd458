import type { DatabaseSync } from "node:sqlite";
import { eventKind } from "../../types.ts";
import type { Batch } from "./batch.ts";
import type { MemberState, RoomState } from "./rows.ts";

/** What an event other than a post says; what doesn't apply to its kind is left out. */
export interface EventInit {
  readonly kind: number;
  readonly actorNo: number;
  readonly targetSeq?: number;
  readonly text?: string;
  readonly editSeq?: number | null;
  readonly emoji?: string;
  readonly subjectNo?: number;
  readonly role?: number;
  readonly name?: string;
  readonly topic?: string;
  /** Of the op that makes it, by which it is found again. */
  readonly key?: string | undefined;
}

/** Puts events at the end of timelines. The room's state then has the event's seq and time as its head. */
export interface Events {
  append(room: RoomState, at: number, event: EventInit): void;
  /** False, and nothing is changed, if this member has used the client id in this room. */
  post(batch: Batch, room: RoomState, member: MemberState, post: PostInit): boolean;
  /** What this member's op of this key has made, if anything. */
  made(room: RoomState, member: MemberState, key: string): { seq: number; at: number } | undefined;
}

export interface PostInit {
  readonly clientId: string;
  readonly text: string;
  /** 0 for none. */
  readonly replyToSeq: number;
}

export function createEvents(db: DatabaseSync): Events {
  const insertPost = db.prepare(`
    insert into event (room_no, seq, kind, actor_no, at, post_no, prev_post_seq, reply_to_seq, prev_standing_seq,
      client_id, text)
    values (?, ?, ${eventKind.messagePosted}, ?, ?, ?, ?, ?, ?, ?, ?)
    on conflict (room_no, actor_no, client_id) where client_id is not null do nothing`);
  const insertEvent = db.prepare(`
    insert into event (room_no, seq, kind, actor_no, at, post_no, prev_post_seq, edit_seq, target_seq, subject_no,
      role, client_id, emoji, name, topic, text)
    values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const selectMade = db.prepare(`
    select seq, at from event where room_no = ? and actor_no = ? and client_id = ?`);

  return {
    append(room, at, event) {
      room.headSeq += 1;
      room.headAt = Math.max(at, room.headAt);
      room.changed = true;
      insertEvent.run(
        room.roomNo,
        room.headSeq,
        event.kind,
        event.actorNo,
        room.headAt,
        room.postCount,
        room.lastPostSeq,
        event.editSeq ?? null,
        event.targetSeq ?? null,
        event.subjectNo ?? null,
        event.role ?? null,
        event.key ?? null,
        event.emoji ?? null,
        event.name ?? null,
        event.topic ?? null,
        event.text ?? null,
      );
    },
    post(batch, room, member, { clientId, text, replyToSeq }) {
      const seq = room.headSeq + 1;
      const at = Math.max(batch.now, room.headAt);
      const { changes } = insertPost.run(
        room.roomNo,
        seq,
        member.userNo,
        at,
        room.postCount + 1,
        room.lastPostSeq,
        replyToSeq === 0 ? null : replyToSeq,
        room.standingSeq,
        clientId,
        text,
      );
      if (changes === 0) return false;
      room.headSeq = seq;
      room.headAt = at;
      room.postCount += 1;
      room.lastPostSeq = seq;
      room.standingSeq = seq;
      room.changed = true;
      member.ownPosts += 1;
      room.changedMembers.add(member);
      return true;
    },
    made({ roomNo }, { userNo }, key) {
      return selectMade.get(roomNo, userNo, key) as { seq: number; at: number } | undefined;
    },
  };
}
