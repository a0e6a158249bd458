import type { Generated } from "kysely";
import type { OutboxTables } from "../../common/database/outbox-table.ts";

/**
 * The tables of `message.db`. Times are milliseconds since the epoch; kinds, roles and reasons the numbers of types.ts.
 *
 * What a batch costs is mostly the pages that it touches. So rooms and people have numbers of their own in here, and keys
 * are a few bytes instead of twice sixteen. Events lie in the order in which they came, whatever their room: the events
 * of a batch share pages, and only the short keys, by room and seq and by client id, go to as many places as there are
 * rooms. There is deliberately no index of posts: every event knows how many posts there are up to it and which was the
 * last before it, so that pages of messages are found by stepping back.
 */
export interface MessageTables extends OutboxTables {
  meta: MetaTable;
  room: RoomTable;
  person: PersonTable;
  member: MemberTable;
  room_change: RoomChangeTable;
  event: EventTable;
  reaction: ReactionTable;
  reaction_count: ReactionCountTable;
  feed: FeedTable;
  feed_due: FeedDueTable;
  deleted_room: DeletedRoomTable;
  deleted_message: DeletedMessageTable;
}

/** Facts about the database: `epoch`, the id of this life of the data. */
export interface MetaTable {
  name: string;
  value: string;
}

/** A room, kept after its deletion so that its id is never used again. */
export interface RoomTable {
  room_no: number;
  room_id: Uint8Array;
  /** The version of the last change that is applied. */
  version: number;
  /** The seq of the last event, and its time. */
  head_seq: number;
  head_at: number;
  /** How many messages were ever posted. */
  post_count: number;
  /** The seq of the last post; 0 if there is none. */
  last_post_seq: number;
  /** The seq of the last post that is not deleted; 0 if there is none. */
  last_standing_seq: number;
  /** Null while the room stands. */
  deleted_at: number | null;
}

/** Someone who is or was in a room, or was invited to one. */
export interface PersonTable {
  user_no: number;
  user_id: Uint8Array;
  /** The seq of the last feed entry; 0 if there never was one. */
  feed_seq: number;
  /** The seq of the oldest entry kept; `feed_seq + 1` if none is. */
  feed_first_seq: number;
}

/**
 * Who is in which room. Unread is `room.post_count - read_posts - own_posts`: the posts after the marker less one's own
 * among them. Of a deleted room the rows go in the background; nobody is in it all the same.
 */
export interface MemberTable {
  room_no: number;
  user_no: number;
  role: number;
  /** The read marker. */
  read_seq: number;
  /** How many posts there are up to the marker. */
  read_posts: number;
  /** How many posts of one's own there are after the marker. */
  own_posts: number;
}

/** Which changes of Room's are applied. */
export interface RoomChangeTable {
  room_no: number;
  version: number;
  change_id: Uint8Array;
}

/** The timelines. Never deleted from; text is erased in place. Unique by room and seq. */
export interface EventTable {
  event_no: Generated<number>;
  room_no: number;
  seq: number;
  kind: number;
  actor_no: number;
  at: number;
  /** How many posts there are up to this event, itself included. */
  post_no: number;
  /** The seq of the last post before this event; 0 if there is none. */
  prev_post_seq: number;
  /** Of posts that answer one. */
  reply_to_seq: number | null;
  /** Of posts: the last post that stood when this one was posted; 0 if there was none. */
  prev_standing_seq: number | null;
  /** Of posts: the last edit, whose text is the message's. Of edits: the edit before it. Null if there is none. */
  edit_seq: number | null;
  /** Of deleted posts: the event that deleted it. */
  deleted_seq: number | null;
  /** The message that is edited, deleted or reacted to. */
  target_seq: number | null;
  /** Who joined, left, was removed or got a role. */
  subject_no: number | null;
  role: number | null;
  /** Of posts; of others the key of the op that made them. Unique for room and actor. */
  client_id: string | null;
  emoji: string | null;
  name: string | null;
  topic: string | null;
  /** Of posts and edits; null once erased. A post keeps its first text here, each edit its own. */
  text: string | null;
}

/** Who reacted how, and who did no longer. */
export interface ReactionTable {
  room_no: number;
  message_seq: number;
  emoji: string;
  user_no: number;
  /** The event that made it so. */
  event_seq: number;
  /** 0 if the reaction was taken back. */
  present: number;
}

/** The emoji that a message has, at most 50. */
export interface ReactionCountTable {
  room_no: number;
  message_seq: number;
  emoji: string;
  people: number;
  /** The event by which the emoji first came: the order in which they are shown. */
  first_seq: number;
}

/** What concerns people, kept for a time. */
export interface FeedTable {
  user_no: number;
  seq: number;
  at: number;
  kind: number;
  room_no: number;
  /** The seq of roomJoined, the reason of roomLeft, the marker of markedRead; else 0. */
  number: number;
  invitation_id: Uint8Array | null;
}

/** People whose read marker has moved and whose feed does not say so yet. */
export interface FeedDueTable {
  user_no: number;
  room_no: number;
  due_at: number;
}

/** Deleted rooms about which something is left to be done. */
export interface DeletedRoomTable {
  room_no: number;
  /** 1 once every member's feed says so. */
  announced: number;
  /** Up to where the text is erased. */
  erased_seq: number;
}

/** Deleted messages some of whose reactions are left. */
export interface DeletedMessageTable {
  room_no: number;
  message_seq: number;
}
