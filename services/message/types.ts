/**
 * What passes between the domain and the database. Most of it crosses threads by structured clone, where tuples of
 * strings and numbers cost a fraction of objects: hence the labelled tuples. Ids are strings, times milliseconds.
 */

/** Kinds of timeline events as they are stored: the field numbers of `TimelineEvent.body`. */
export const eventKind = {
  messagePosted: 5,
  messageEdited: 6,
  messageDeleted: 7,
  reactionAdded: 8,
  reactionRemoved: 9,
  memberJoined: 10,
  memberLeft: 11,
  memberRemoved: 12,
  roleChanged: 13,
  roomUpdated: 14,
  roomDeleted: 15,
} as const;

/** Kinds of feed entries as they are stored: the field numbers of `FeedEntry.body`. */
export const feedKind = { roomJoined: 3, roomLeft: 4, invited: 5, markedRead: 6 } as const;

/** Roles as they are stored: the numbers of `Role`. Who is no member ranks below all. */
export const rank = { none: 0, member: 1, moderator: 2, admin: 3, owner: 4 } as const;

/** Reasons as they are stored: the numbers of `RoomLeftReason`. */
export const leftReason = { left: 1, removed: 2, roomDeleted: 3 } as const;

/** Posts a message. `replyToSeq` is 0 for none. */
export type SendOp = readonly [
  op: "send",
  roomId: string,
  userId: string,
  clientId: string,
  text: string,
  replyToSeq: number,
];
/**
 * The ops that end in a `key` can undo each other, so that doing one again later would be wrong. What was done under a
 * key is therefore found by it, like a post by its client id, and answered again. Without one there is nothing to find.
 */
export type EditOp = readonly [
  op: "edit",
  roomId: string,
  userId: string,
  seq: number,
  text: string,
  key?: string,
];
export type DeleteOp = readonly [op: "delete", roomId: string, userId: string, seq: number];
export type ReactOp = readonly [
  op: "react",
  roomId: string,
  userId: string,
  seq: number,
  emoji: string,
  key?: string,
];
export type UnreactOp = readonly [
  op: "unreact",
  roomId: string,
  userId: string,
  seq: number,
  emoji: string,
  key?: string,
];
export type MarkReadOp = readonly [op: "markRead", roomId: string, userId: string, seq: number];

/** Applies changes that Room decided: of one room, in the order of their versions, whole calls only. */
export type ApplyOp = readonly [op: "apply", roomId: string, changes: readonly RoomChangeRow[]];
/** Writes the feed entries of read markers that are due, up to `limit`. */
export type AnnounceReadsOp = readonly [op: "announceReads", limit: number];
/** Writes the feed entries of people whose room was deleted, up to `limit`. */
export type AnnounceDeletionsOp = readonly [op: "announceDeletions", limit: number];

/** What a member does to a room. */
export type MemberOp = SendOp | EditOp | DeleteOp | ReactOp | UnreactOp | MarkReadOp;
export type Op = MemberOp | ApplyOp | AnnounceReadsOp | AnnounceDeletionsOp;

/** Why an op was refused; it has then changed nothing. */
export type Refusal =
  | "NOT_MEMBER"
  | "MESSAGE_NOT_FOUND"
  | "NOT_AUTHOR"
  | "ROLE_TOO_LOW"
  | "MESSAGE_DELETED"
  | "CLIENT_ID_REUSED"
  | "TOO_MANY_EMOJI";

export type Refused = readonly [outcome: "refused", refusal: Refusal];
/** The event that the op made. */
export type Done = readonly [outcome: "done", seq: number, at: number];
/** It was so already: the event that made it so. */
export type Replayed = readonly [outcome: "replayed", seq: number, at: number];
export type Read = readonly [outcome: "read", readSeq: number, unreadCount: number, moved: boolean];
export type Applied =
  | readonly [outcome: "applied", version: number, events: readonly EventRow[]]
  /** Changes are missing above `version`. */
  | readonly [outcome: "gap", version: number]
  /** `version` is known under another change id. */
  | readonly [outcome: "conflict", version: number];
/** How many were due; as many as the limit means that there may be more. */
export type Announced = readonly [outcome: "announced", count: number];

export type OpResult = Refused | Done | Replayed | Read | Applied | Announced;

export type ResultOf<O extends Op> = O extends MarkReadOp
  ? Read | Refused
  : O extends MemberOp
    ? Done | Replayed | Refused
    : O extends ApplyOp
      ? Applied
      : Announced;

/** What a batch of ops has done, all of it or nothing. */
export interface AppendAnswer {
  /** One for each op, in their order. */
  readonly results: readonly OpResult[];
  /** The feed entries that were written, in order for each person. */
  readonly feed: readonly (readonly [userId: string, entry: FeedRow])[];
  /** The outbox rows that announce the timeline events, and those that announce the feed entries. */
  readonly timelineOutbox: readonly number[];
  readonly feedOutbox: readonly number[];
}

/** A change that Room decided. `kind` is that of the event it makes, or `invited`, which makes none. */
export interface RoomChangeRow {
  readonly version: number;
  readonly changeId: string;
  readonly actorId: string;
  readonly at: number;
  readonly kind: number;
  readonly userId: string;
  readonly role: number;
  readonly name: string;
  readonly topic: string;
  readonly invitationId: string;
}

/** The `kind` of a RoomChangeRow that is an invitation by name; no timeline event has it. */
export const invitedChange = 0;

/**
 * A timeline event. What the last three hold depends on the kind:
 *
 * | kind | text | number | detail |
 * |---|---|---|---|
 * | messagePosted | the text, null if erased | the message answered, 0 if none | client id |
 * | messageEdited | the text, null if erased | the message | |
 * | messageDeleted | | the message | |
 * | reactionAdded, reactionRemoved | emoji | the message | |
 * | memberJoined, roleChanged | user id | role | |
 * | memberLeft, memberRemoved | user id | | |
 * | roomUpdated | name | | topic |
 */
export type EventRow = readonly [
  seq: number,
  kind: number,
  actorId: string,
  at: number,
  text: string | null,
  number: number,
  detail: string,
];

/** A feed entry. `number` is the seq of roomJoined, the reason of roomLeft, the marker of markedRead. */
export type FeedRow = readonly [
  seq: number,
  at: number,
  kind: number,
  roomId: string,
  number: number,
  invitationId: string,
];

export type ReactionRow = readonly [emoji: string, count: number, mine: boolean];

/** A message as it stands. Times are 0 where they don't apply, and so is `replyToSeq`. */
export type MessageRow = readonly [
  seq: number,
  authorId: string,
  clientId: string,
  text: string,
  sentAt: number,
  editedAt: number,
  deletedAt: number,
  replyToSeq: number,
  reactions: readonly ReactionRow[],
];

export interface InboxRow {
  readonly roomId: string;
  readonly lastSeq: number;
  /** When the last event happened. */
  readonly lastAt: number;
  readonly readSeq: number;
  readonly unreadCount: number;
  readonly lastMessage: MessageRow | undefined;
}

/** Where an inbox page begins: after this room as it stood on the page before. */
export interface InboxCursor {
  readonly lastAt: number;
  readonly roomId: string;
}

/** Bounds are exclusive; undefined is none. */
export interface SeqBounds {
  readonly after: number | undefined;
  readonly before: number | undefined;
}

export interface Page<Row> {
  /** In ascending order. */
  readonly rows: readonly Row[];
  /** There are further ones in the direction asked. */
  readonly hasMore: boolean;
}
