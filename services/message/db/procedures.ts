import type {
  AppendAnswer,
  EventRow,
  FeedRow,
  InboxCursor,
  InboxRow,
  MessageRow,
  Op,
  Page,
  SeqBounds,
} from "../types.ts";

/** The modules that do it, on each database. */
export const procedures = {
  sqlite: new URL("./sqlite/procedures.ts", import.meta.url),
  mssql: new URL("./mssql/procedures.ts", import.meta.url),
};

/** What the database can be told to do, each in a transaction of its own. */
export interface WriteProcedures {
  /**
   * Does the ops in their order, in one transaction, and removes outbox rows that are published. It does not throw for
   * what an op is refused for: that is the op's result, and the op has then changed nothing.
   */
  append(ops: readonly Op[], published: readonly number[]): AppendAnswer;
  /** Erases what deleted messages and rooms have left behind, about `limit` rows; answers whether there is more. */
  erase(limit: number): boolean;
  /** Deletes feed entries from before a time, about `limit`; answers whether there are more. */
  pruneFeeds(before: number, limit: number): boolean;
}

/** What the database can be asked, each on one snapshot. `undefined` means that the user is not in the room. */
export interface ReadProcedures {
  listTimeline(roomId: string, userId: string, bounds: SeqBounds, limit: number): Page<EventRow> | undefined;
  listMessages(
    roomId: string,
    userId: string,
    bounds: SeqBounds,
    limit: number,
  ): Page<MessageRow> | undefined;
  /** Null if the seq is of no message. */
  getMessage(roomId: string, userId: string, seq: number): MessageRow | null | undefined;
  /** Latest activity first. */
  listInbox(userId: string, after: InboxCursor | undefined, limit: number): Page<InboxRow>;
  readFeed(userId: string, after: number, limit: number): FeedPage;
  /** Without asking who wants to know. */
  readTimeline(roomId: string, after: number, limit: number): { rows: EventRow[]; headSeq: number };
  userState(userId: string): UserState;
  /** The heads of rooms and feeds, 0 where there is none, as listed. */
  heads(roomIds: readonly string[], userIds: readonly string[]): { rooms: number[]; feeds: number[] };
  /** The version that is applied of each room. */
  roomVersions(roomIds: readonly string[]): number[];
  epoch(): string;
}

export interface FeedPage {
  readonly rows: readonly FeedRow[];
  readonly headSeq: number;
  readonly firstSeq: number;
}

export interface UserState {
  readonly feedSeq: number;
  readonly roomIds: readonly string[];
  /** The head of each room. */
  readonly seqs: readonly number[];
}
