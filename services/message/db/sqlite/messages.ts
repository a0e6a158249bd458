import type { DatabaseSync } from "node:sqlite";
import { type DeleteOp, type EditOp, eventKind, type OpResult, rank, type SendOp } from "../../types.ts";
import type { Batch } from "./batch.ts";
import type { Events } from "./events.ts";
import type { MemberState, RoomState } from "./rows.ts";

/** A post as ops look at it. */
export interface PostRow {
  seq: number;
  actor_no: number;
  at: number;
  text: string | null;
  reply_to_seq: number | null;
  prev_standing_seq: number;
  edit_seq: number | null;
  deleted_seq: number | null;
}

export interface Posts {
  /** The post at this seq, if it is one. */
  find(room: RoomState, seq: number): PostRow | undefined;
  /** When the event at this seq happened. */
  timeOf(room: RoomState, seq: number): number;
}

export function createPosts(db: DatabaseSync): Posts {
  const select = db.prepare(`
    select seq, actor_no, at, text, reply_to_seq, prev_standing_seq, edit_seq, deleted_seq
    from event where room_no = ? and seq = ? and kind = ${eventKind.messagePosted}`);
  const selectTime = db.prepare("select at from event where room_no = ? and seq = ?");
  return {
    find: ({ roomNo }, seq) => select.get(roomNo, seq) as PostRow | undefined,
    timeOf: ({ roomNo }, seq) => (selectTime.get(roomNo, seq) as { at: number }).at,
  };
}

export interface MessageOps {
  send(batch: Batch, room: RoomState, member: MemberState, op: SendOp): OpResult;
  edit(batch: Batch, room: RoomState, member: MemberState, op: EditOp): OpResult;
  delete(batch: Batch, room: RoomState, member: MemberState, op: DeleteOp): OpResult;
}

/** Each op decides everything before its first write. */
export function createMessageOps(db: DatabaseSync, deps: { events: Events; posts: Posts }): MessageOps {
  const { events, posts } = deps;
  const erase = createErasure(db);
  const selectByClientId = db.prepare(`
    select seq from event where room_no = ? and actor_no = ? and client_id = ?`);
  const selectText = db.prepare("select text from event where room_no = ? and seq = ?");
  const updateEdit = db.prepare("update event set edit_seq = ? where room_no = ? and seq = ?");
  const selectRole = db.prepare("select role from member where room_no = ? and user_no = ?");

  /** What a post's own row keeps is what was first sent, until it is deleted: then any content is the same. */
  function replay(post: PostRow, op: SendOp): OpResult {
    const [, , , , text, replyToSeq] = op;
    const same = post.deleted_seq !== null || (post.text === text && (post.reply_to_seq ?? 0) === replyToSeq);
    return same ? ["replayed", post.seq, post.at] : ["refused", "CLIENT_ID_REUSED"];
  }

  function findByClientId(room: RoomState, { userNo }: MemberState, clientId: string): PostRow | undefined {
    const row = selectByClientId.get(room.roomNo, userNo, clientId) as { seq: number } | undefined;
    return row && posts.find(room, row.seq);
  }

  function mayDelete(room: RoomState, { userNo, role }: MemberState, authorNo: number): boolean {
    if (userNo === authorNo || role === rank.owner) return true;
    if (role < rank.moderator) return false;
    const author = selectRole.get(room.roomNo, authorNo) as { role: number } | undefined;
    return role > (author?.role ?? rank.none);
  }

  return {
    send(batch, room, member, op) {
      const [, , , clientId, text, replyToSeq] = op;
      if (replyToSeq !== 0 && posts.find(room, replyToSeq) === undefined) {
        const first = findByClientId(room, member, clientId);
        return first ? replay(first, op) : ["refused", "MESSAGE_NOT_FOUND"];
      }
      if (events.post(batch, room, member, { clientId, text, replyToSeq })) {
        return ["done", room.headSeq, room.headAt];
      }
      const first = findByClientId(room, member, clientId);
      if (first === undefined) throw new Error(`room ${room.roomId}: a client id without its message`);
      return replay(first, op);
    },

    edit(batch, room, { userNo }, [, , , seq, text, key]) {
      const post = posts.find(room, seq);
      if (post === undefined) return ["refused", "MESSAGE_NOT_FOUND"];
      if (post.actor_no !== userNo) return ["refused", "NOT_AUTHOR"];
      if (post.deleted_seq !== null) return ["refused", "MESSAGE_DELETED"];
      const textSeq = post.edit_seq ?? seq;
      const current = selectText.get(room.roomNo, textSeq) as { text: string };
      if (current.text === text) return ["replayed", textSeq, posts.timeOf(room, textSeq)];
      const { messageEdited: kind } = eventKind;
      const event = { kind, actorNo: userNo, targetSeq: seq, text, editSeq: post.edit_seq, key };
      events.append(room, batch.now, event);
      updateEdit.run(room.headSeq, room.roomNo, seq);
      return ["done", room.headSeq, room.headAt];
    },

    delete(batch, room, member, [, , , seq]) {
      const post = posts.find(room, seq);
      if (post === undefined) return ["refused", "MESSAGE_NOT_FOUND"];
      if (!mayDelete(room, member, post.actor_no)) return ["refused", "ROLE_TOO_LOW"];
      if (post.deleted_seq !== null) {
        return ["replayed", post.deleted_seq, posts.timeOf(room, post.deleted_seq)];
      }
      const { messageDeleted: kind } = eventKind;
      events.append(room, batch.now, { kind, actorNo: member.userNo, targetSeq: seq });
      erase(room, post, room.headSeq);
      if (room.standingSeq === seq) room.standingSeq = lastStanding(posts, room, post.prev_standing_seq);
      return ["done", room.headSeq, room.headAt];
    },
  };
}

/**
 * The last post at or before `seq` that stands, by way of what stood when each was posted. A deleted post is stepped
 * over at most once for each later one that was posted while it stood, however many are deleted in a row.
 */
function lastStanding(posts: Posts, room: RoomState, seq: number): number {
  let standing = seq;
  while (standing !== 0) {
    const post = posts.find(room, standing);
    if (post?.deleted_seq === null) return standing;
    standing = post?.prev_standing_seq ?? 0;
  }
  return 0;
}

/** Reactions that go in the deletion's own transaction; further ones are out of sight with the counts. */
const reactionsAtOnce = 500;

/** Erases the text of a post and of its edits, which are chained to it, and takes its reactions away. */
function createErasure(db: DatabaseSync) {
  const erasePost = db.prepare("update event set text = null, deleted_seq = ? where room_no = ? and seq = ?");
  const eraseEdit = db.prepare(`
    update event set text = null where room_no = ? and seq = ? returning edit_seq`);
  const deleteCounts = db.prepare("delete from reaction_count where room_no = ? and message_seq = ?");
  const deleteReactions = db.prepare(`
    delete from reaction where (room_no, message_seq, emoji, user_no) in (
      select room_no, message_seq, emoji, user_no from reaction
      where room_no = ? and message_seq = ? limit ${reactionsAtOnce})`);
  const insertLeftover = db.prepare("insert into deleted_message (room_no, message_seq) values (?, ?)");

  return ({ roomNo }: RoomState, post: PostRow, deletedSeq: number): void => {
    erasePost.run(deletedSeq, roomNo, post.seq);
    for (let edit = post.edit_seq; edit !== null; ) {
      edit = (eraseEdit.get(roomNo, edit) as { edit_seq: number | null }).edit_seq;
    }
    deleteCounts.run(roomNo, post.seq);
    const { changes } = deleteReactions.run(roomNo, post.seq);
    if (changes === reactionsAtOnce) insertLeftover.run(roomNo, post.seq);
  };
}
