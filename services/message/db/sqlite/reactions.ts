import type { DatabaseSync } from "node:sqlite";
import { eventKind, type OpResult, type ReactOp, type UnreactOp } from "../../types.ts";
import type { Batch } from "./batch.ts";
import type { Events } from "./events.ts";
import type { PostRow, Posts } from "./messages.ts";
import type { MemberState, RoomState } from "./rows.ts";

export interface ReactionOps {
  react(batch: Batch, room: RoomState, member: MemberState, op: ReactOp): OpResult;
  unreact(batch: Batch, room: RoomState, member: MemberState, op: UnreactOp): OpResult;
}

/** Different emoji of one message. */
const maxEmoji = 50;

/**
 * Reactions, and how many people each emoji of a message has. What was taken back is remembered, so that taking it back
 * once more is answered with the event that did it. Each op decides everything before its first write.
 */
export function createReactionOps(
  db: DatabaseSync,
  { events, posts }: { events: Events; posts: Posts },
): ReactionOps {
  const select = db.prepare(`
    select event_seq, present from reaction
    where room_no = ? and message_seq = ? and emoji = ? and user_no = ?`);
  const put = db.prepare(`
    insert into reaction (room_no, message_seq, emoji, user_no, event_seq, present) values (?, ?, ?, ?, ?, ?)
    on conflict (room_no, message_seq, emoji, user_no)
    do update set event_seq = excluded.event_seq, present = excluded.present`);
  const countEmoji = db.prepare(`
    select count(*) as emoji, coalesce(sum(emoji = ?), 0) as known
    from reaction_count where room_no = ? and message_seq = ?`);
  const increase = db.prepare(`
    insert into reaction_count (room_no, message_seq, emoji, people, first_seq) values (?, ?, ?, 1, ?)
    on conflict (room_no, message_seq, emoji) do update set people = people + 1`);
  const decrease = db.prepare(`
    update reaction_count set people = people - 1 where room_no = ? and message_seq = ? and emoji = ?`);
  const deleteNone = db.prepare(`
    delete from reaction_count where room_no = ? and message_seq = ? and emoji = ? and people = 0`);

  /** The reaction as it is, or why there can't be one. */
  function look(room: RoomState, { userNo }: MemberState, [, , , seq, emoji]: ReactOp | UnreactOp) {
    const post = posts.find(room, seq);
    if (post === undefined) return { refused: ["refused", "MESSAGE_NOT_FOUND"] as const };
    if (post.deleted_seq !== null) return { refused: ["refused", "MESSAGE_DELETED"] as const };
    return { post, row: select.get(room.roomNo, seq, emoji, userNo) as ReactionState | undefined };
  }

  /** Without an event that made it so, the message itself did. */
  function replay(room: RoomState, post: PostRow, row: ReactionState | undefined): OpResult {
    if (row === undefined) return ["replayed", post.seq, post.at];
    return ["replayed", row.event_seq, posts.timeOf(room, row.event_seq)];
  }

  function hasPlaceFor({ roomNo }: RoomState, seq: number, emoji: string): boolean {
    const row = countEmoji.get(emoji, roomNo, seq) as { emoji: number; known: number };
    return row.known > 0 || row.emoji < maxEmoji;
  }

  function append(batch: Batch, room: RoomState, member: MemberState, op: ReactOp | UnreactOp): OpResult {
    const [name, , , targetSeq, emoji, key] = op;
    const kind = name === "react" ? eventKind.reactionAdded : eventKind.reactionRemoved;
    events.append(room, batch.now, { kind, actorNo: member.userNo, targetSeq, emoji, key });
    put.run(room.roomNo, targetSeq, emoji, member.userNo, room.headSeq, name === "react" ? 1 : 0);
    return ["done", room.headSeq, room.headAt];
  }

  return {
    react(batch, room, member, op) {
      const [, , , seq, emoji] = op;
      const { refused, post, row } = look(room, member, op);
      if (refused) return refused;
      if (row?.present) return replay(room, post, row);
      if (!hasPlaceFor(room, seq, emoji)) return ["refused", "TOO_MANY_EMOJI"];
      const result = append(batch, room, member, op);
      increase.run(room.roomNo, seq, emoji, room.headSeq);
      return result;
    },
    unreact(batch, room, member, op) {
      const [, , , seq, emoji] = op;
      const { refused, post, row } = look(room, member, op);
      if (refused) return refused;
      if (!row?.present) return replay(room, post, row);
      const result = append(batch, room, member, op);
      decrease.run(room.roomNo, seq, emoji);
      deleteNone.run(room.roomNo, seq, emoji);
      return result;
    },
  };
}

interface ReactionState {
  event_seq: number;
  present: number;
}
