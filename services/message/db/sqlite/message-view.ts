import type { DatabaseSync } from "node:sqlite";
import { eventKind, type MessageRow, type ReactionRow } from "../../types.ts";
import type { Access, RoomView } from "./read-rooms.ts";

/** Reads messages as they stand. */
export interface MessageView {
  /** The post at this seq, if it is one. */
  findPost(roomNo: number, seq: number): StoredPost | undefined;
  /** The messages of posts that follow each other in their room. */
  toMessages(room: RoomView, posts: readonly StoredPost[]): MessageRow[];
  /** The message at this seq, if it is one. */
  find(room: RoomView, seq: number): MessageRow | undefined;
}

export interface StoredPost {
  seq: number;
  actor_no: number;
  at: number;
  /** How many posts there are up to this one. */
  post_no: number;
  prev_post_seq: number;
  reply_to_seq: number | null;
  edit_seq: number | null;
  deleted_seq: number | null;
  client_id: string | null;
  text: string | null;
}

export function createMessageView(db: DatabaseSync, access: Access): MessageView {
  const selectPost = db.prepare(`
    select seq, actor_no, at, post_no, prev_post_seq, reply_to_seq, edit_seq, deleted_seq, client_id, text
    from event where room_no = ? and seq = ? and kind = ${eventKind.messagePosted}`);
  const selectEvent = db.prepare("select at, text from event where room_no = ? and seq = ?");
  const selectReactions = db.prepare(`
    select message_seq, emoji, people, exists (
      select 1 from reaction
      where reaction.room_no = counted.room_no and reaction.message_seq = counted.message_seq
        and reaction.emoji = counted.emoji and reaction.user_no = ? and reaction.present = 1) as mine
    from reaction_count as counted where room_no = ? and message_seq between ? and ? order by first_seq`);

  function reactionsOf(
    { roomNo, userNo }: RoomView,
    posts: readonly StoredPost[],
  ): Map<number, ReactionRow[]> {
    const reactions = new Map<number, ReactionRow[]>();
    const [first, last] = [posts[0]?.seq ?? 0, posts.at(-1)?.seq ?? 0];
    for (const row of selectReactions.all(userNo, roomNo, first, last) as unknown as StoredReaction[]) {
      const ofMessage = reactions.get(row.message_seq) ?? [];
      reactions.set(row.message_seq, ofMessage);
      ofMessage.push([row.emoji, row.people, row.mine === 1]);
    }
    return reactions;
  }

  function findEvent(roomNo: number, seq: number | null): StoredEvent | undefined {
    return seq === null ? undefined : (selectEvent.get(roomNo, seq) as unknown as StoredEvent);
  }

  function toMessage({ roomNo }: RoomView, post: StoredPost, reactions: ReactionRow[] = []): MessageRow {
    const edit = findEvent(roomNo, post.edit_seq);
    const deletion = findEvent(roomNo, post.deleted_seq);
    return [
      post.seq,
      access.userId(post.actor_no),
      post.client_id ?? "",
      (edit ? edit.text : post.text) ?? "",
      post.at,
      edit?.at ?? 0,
      deletion?.at ?? 0,
      post.reply_to_seq ?? 0,
      reactions,
    ];
  }

  const findPost: MessageView["findPost"] = (roomNo, seq) =>
    selectPost.get(roomNo, seq) as StoredPost | undefined;

  const toMessages: MessageView["toMessages"] = (room, posts) => {
    const reactions = reactionsOf(room, posts);
    return posts.map((post) => toMessage(room, post, reactions.get(post.seq)));
  };

  return {
    findPost,
    toMessages,
    find(room, seq) {
      const post = findPost(room.roomNo, seq);
      return post && toMessages(room, [post])[0];
    },
  };
}

interface StoredEvent {
  at: number;
  text: string | null;
}

interface StoredReaction {
  message_seq: number;
  emoji: string;
  people: number;
  mine: number;
}
