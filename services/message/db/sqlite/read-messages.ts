import type { DatabaseSync } from "node:sqlite";
import { eventKind } from "../../types.ts";
import type { ReadProcedures } from "../procedures.ts";
import type { MessageView, StoredPost } from "./message-view.ts";
import type { Access } from "./read-rooms.ts";
import { type Range, resolveBounds } from "./read-timeline.ts";

type MessageReads = Pick<ReadProcedures, "listMessages" | "getMessage">;

/** Where events are mostly posts, a page's last one is about this far from its beginning. */
const firstStep = 64;

/**
 * Pages of messages. Posts are found without an index of their own: each event knows how many posts there are up to it
 * and which was the last one before it. So a page is read from its last post backwards; where it begins at a lower
 * bound, its last post is the one with a known number, and the search for that takes steps that double and then halve.
 */
export function createMessageReads(db: DatabaseSync, access: Access, messages: MessageView): MessageReads {
  const selectPlace = db.prepare(`
    select kind, post_no, prev_post_seq from event where room_no = ? and seq = ?`);

  function placeAt(roomNo: number, seq: number): Place {
    return selectPlace.get(roomNo, seq) as unknown as Place;
  }

  function postsUpTo(roomNo: number, seq: number): number {
    return seq === 0 ? 0 : placeAt(roomNo, seq).post_no;
  }

  /** The last post at or before a seq; 0 if there is none. */
  function lastPost(roomNo: number, seq: number): number {
    if (seq === 0) return 0;
    const { kind, prev_post_seq } = placeAt(roomNo, seq);
    return kind === eventKind.messagePosted ? seq : prev_post_seq;
  }

  /** The post with this number, which comes after `after` and not after `upTo`. */
  function seqOfPost(roomNo: number, postNo: number, { after, upTo }: Range): number {
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
    return high;
  }

  /** That many posts, of which the last is at this seq, in ascending order. */
  function readBack(roomNo: number, lastSeq: number, count: number): StoredPost[] {
    const posts: StoredPost[] = [];
    for (let seq = lastSeq; posts.length < count; ) {
      const post = messages.findPost(roomNo, seq);
      if (post === undefined) throw new Error(`event ${seq} of room ${roomNo} should be a post`);
      posts.push(post);
      seq = post.prev_post_seq;
    }
    return posts.reverse();
  }

  return {
    listMessages(roomId, userId, bounds, limit) {
      const room = access.roomOf(roomId, userId);
      if (room === undefined) return undefined;
      const { roomNo, headSeq } = room;
      const range = resolveBounds(bounds, headSeq);
      const postsBefore = postsUpTo(roomNo, range.after);
      const found = postsUpTo(roomNo, range.upTo) - postsBefore;
      const hasMore = found > limit;
      const fromStart = hasMore && !range.backward;
      const lastSeq = fromStart
        ? seqOfPost(roomNo, postsBefore + limit, range)
        : lastPost(roomNo, range.upTo);
      const posts = readBack(roomNo, lastSeq, Math.min(found, limit));
      return { rows: messages.toMessages(room, posts), hasMore };
    },
    getMessage(roomId, userId, seq) {
      const room = access.roomOf(roomId, userId);
      return room && (messages.find(room, seq) ?? null);
    },
  };
}

/** Where an event stands among the posts. */
interface Place {
  kind: number;
  /** How many posts there are up to it. */
  post_no: number;
  prev_post_seq: number;
}
