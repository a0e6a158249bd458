import type { DatabaseSync } from "node:sqlite";
import { eventKind, type MessageRow, type ReactionRow } from "../../types.ts";
import type { ReadProcedures } from "../procedures.ts";
import type { Access, RoomView } from "./read-rooms.ts";
import { type Range, resolveBounds } from "./read-timeline.ts";

/** Reads messages as they stand. */
export interface MessageView {
  /** The message at this seq; undefined if it is none. */
  read(room: RoomView, seq: number): MessageRow | undefined;
}

export function createMessageView(db: DatabaseSync, access: Access): MessageView {
  const selectPost = db.prepare(`
    select seq, actor_no, at, reply_to_seq, edit_seq, deleted_seq, client_id, text
    from event where room_no = ? and seq = ? and kind = ${eventKind.messagePosted}`);
  const selectEdit = db.prepare("select at, text from event where room_no = ? and seq = ?");
  const selectReactions = db.prepare(`
    select emoji, people, exists (
      select 1 from reaction
      where reaction.room_no = counted.room_no and reaction.message_seq = counted.message_seq
        and reaction.emoji = counted.emoji and reaction.user_no = ? and reaction.present = 1) as mine
    from reaction_count as counted where room_no = ? and message_seq = ? order by first_seq`);

  function reactions({ roomNo, userNo }: RoomView, seq: number): ReactionRow[] {
    const rows = selectReactions.all(userNo, roomNo, seq) as unknown as StoredReaction[];
    return rows.map(({ emoji, people, mine }) => [emoji, people, mine === 1]);
  }

  return {
    read(room, seq) {
      const post = selectPost.get(room.roomNo, seq) as StoredPost | undefined;
      if (post === undefined) return undefined;
      const find = (at: number | null) =>
        at === null ? undefined : (selectEdit.get(room.roomNo, at) as { at: number; text: string | null });
      const edit = find(post.edit_seq);
      const deletion = find(post.deleted_seq);
      return [
        seq,
        access.userId(post.actor_no),
        post.client_id ?? "",
        (edit ? edit.text : post.text) ?? "",
        post.at,
        edit?.at ?? 0,
        deletion?.at ?? 0,
        post.reply_to_seq ?? 0,
        deletion ? [] : reactions(room, seq),
      ];
    },
  };
}

interface StoredPost {
  actor_no: number;
  at: number;
  reply_to_seq: number | null;
  edit_seq: number | null;
  deleted_seq: number | null;
  client_id: string | null;
  text: string | null;
}

interface StoredReaction {
  emoji: string;
  people: number;
  mine: number;
}

/** Where events are mostly posts, a page's last one is about this far from its beginning. */
const firstStep = 64;

type MessageReads = Pick<ReadProcedures, "listMessages" | "getMessage">;

/**
 * Pages of messages. Posts are found without an index of their own: each event knows how many posts there are up to it
 * and which was the last one before it. So a page is read from its last post backwards; where it begins at a lower
 * bound, its last post is the one with a known number, and the search for that takes steps that double and then halve.
 */
export function createMessageReads(db: DatabaseSync, access: Access, messages: MessageView): MessageReads {
  const selectPlace = db.prepare(`
    select kind, post_no, prev_post_seq from event where room_no = ? and seq = ?`);

  function placeAt(roomNo: number, seq: number): StoredPlace {
    return selectPlace.get(roomNo, seq) as unknown as StoredPlace;
  }

  function postsUpTo(roomNo: number, seq: number): number {
    return seq === 0 ? 0 : placeAt(roomNo, seq).post_no;
  }

  /** The last post at or before a seq. */
  function lastPost(roomNo: number, seq: number): Place {
    if (seq === 0) return { seq: 0, postNo: 0, prevPostSeq: 0 };
    const { kind, post_no: postNo, prev_post_seq: prevPostSeq } = placeAt(roomNo, seq);
    return kind === eventKind.messagePosted ? { seq, postNo, prevPostSeq } : lastPost(roomNo, prevPostSeq);
  }

  /** The post with this number, which comes after `after` and not after `upTo`. */
  function findPost(roomNo: number, postNo: number, { after, upTo }: Range): Place {
    let [low, high] = [after, upTo];
    for (let step = firstStep; low + step < high; step *= 2) {
      if (postsUpTo(roomNo, low + step) >= postNo) high = low + step;
      else low += step;
    }
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (postsUpTo(roomNo, middle) >= postNo) high = middle;
      else low = middle;
    }
    return lastPost(roomNo, high);
  }

  return {
    listMessages(roomId, userId, bounds, limit) {
      const room = access.roomOf(roomId, userId);
      if (room === undefined) return undefined;
      const { roomNo } = room;
      const range = resolveBounds(bounds, room.headSeq);
      const newest = lastPost(roomNo, range.upTo);
      const postsBefore = postsUpTo(roomNo, range.after);
      const found = newest.postNo - postsBefore;
      const count = Math.min(limit, found);
      const hasMore = found > limit;
      const fromStart = hasMore && !range.backward;
      let place = fromStart ? findPost(roomNo, postsBefore + count, range) : newest;
      const rows: MessageRow[] = [];
      while (rows.length < count) {
        rows.push(messages.read(room, place.seq)!);
        if (rows.length < count) place = lastPost(roomNo, place.prevPostSeq);
      }
      return { rows: rows.reverse(), hasMore };
    },
    getMessage(roomId, userId, seq) {
      const room = access.roomOf(roomId, userId);
      return room && (messages.read(room, seq) ?? null);
    },
  };
}

/** A post and the one before it. */
interface Place {
  readonly seq: number;
  /** How many posts there are up to it. */
  readonly postNo: number;
  readonly prevPostSeq: number;
}

interface StoredPlace {
  kind: number;
  post_no: number;
  prev_post_seq: number;
}
