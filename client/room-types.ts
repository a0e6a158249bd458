import type { TimelineEvent } from "#gen/parley/message/v1/timeline_pb.js";
import type { Member, Role, Room } from "#gen/parley/room/v1/room_pb.js";
import type { ParleyError } from "./errors.ts";
import type { Observable } from "./observable.ts";

/** A room: what it says, who is in it, and what one does in it. */
export interface RoomStore {
  readonly roomId: string;
  readonly state: Observable<RoomState>;
  /** Loads the room and keeps it live, until what this returns is called as often as this was. */
  open(): () => void;
  /** Makes the window longer at its old end; it may lose some at its new end. */
  loadOlder(options?: LoadOptions): Promise<void>;
  /** Makes the window longer at its new end; it may lose some at its old end. */
  loadNewer(options?: LoadOptions): Promise<void>;
  /**
   * Says what is looked at: the window keeps what is from this seq on, whatever comes new. Once it is full, what comes is
   * left to `loadNewer` (`hasNewer`). With none, and at first, the window goes along with the newest, and loses its old
   * end to it.
   */
  keepFrom(seq: bigint | undefined): void;
  /** Shows the newest messages again, and goes along with them. */
  jumpToLatest(options?: LoadOptions): Promise<void>;
  /** Loads all members into `members`, which is kept live from then on. */
  loadMembers(options?: LoadOptions): Promise<void>;
  /** Posts: kept at once, sent as soon as it can be, and resent until the server has it. */
  send(text: string, options?: { replyToSeq?: bigint }): OutgoingMessage;
  /** Tries a failed message again. */
  retry(clientId: string): void;
  /** Forgets a message that failed or waits. One that is under way may arrive all the same. */
  discard(clientId: string): void;
  /** Gives one's own message another text. */
  edit(seq: bigint, text: string, options?: LoadOptions): Promise<void>;
  /** Deletes a message. */
  delete(seq: bigint, options?: LoadOptions): Promise<void>;
  /** Reacts with one emoji. */
  react(seq: bigint, emoji: string, options?: LoadOptions): Promise<void>;
  /** Takes a reaction back. */
  unreact(seq: bigint, emoji: string, options?: LoadOptions): Promise<void>;
  /** Moves the read marker to the seq, or to the newest known; it never goes back. Told to the server soon. */
  markRead(seq?: bigint): void;
  /** Tells the others that one is typing. To be called at every keystroke: it is sent every few seconds. */
  typing(): void;
}

export interface LoadOptions {
  signal?: AbortSignal;
}

/** A room as it is now. */
export interface RoomState {
  /** `gone`: one is not, or no longer, in it. `failed` with an `error`: it is tried again when connected again. */
  readonly status: "loading" | "ready" | "gone" | "failed";
  readonly room?: Room;
  readonly myRole?: Role;
  /** A window on the timeline, in order, without holes: at most some hundred items. */
  readonly messages: readonly TimelineItem[];
  /** One's own that aren't in the timeline yet, in order. */
  readonly outgoing: readonly OutgoingMessage[];
  /** By name of role and time of joining as the server lists them; empty until `loadMembers`. */
  readonly members: readonly Member[];
  /** Ids of the others who are typing. */
  readonly typing: readonly string[];
  readonly unread: number;
  readonly readSeq: bigint;
  /** The seq of the room's last event. */
  readonly lastSeq: bigint;
  readonly hasOlder: boolean;
  readonly hasNewer: boolean;
  readonly error?: ParleyError;
}

/** An item of a timeline. */
export type TimelineItem = MessageItem | NoticeItem;

/** A message as it stands now. The same object until it changes. */
export interface MessageItem {
  readonly kind: "message";
  readonly seq: bigint;
  readonly at: Date;
  readonly authorId: string;
  /** One wrote it oneself. */
  readonly mine: boolean;
  readonly clientId: string;
  /** Empty once deleted. */
  readonly text: string;
  readonly editedAt?: Date;
  readonly deleted: boolean;
  readonly replyTo?: ReplyPreview;
  /** In the order in which each emoji first came. */
  readonly reactions: readonly ReactionCount[];
}

/** What a message answers. */
export interface ReplyPreview {
  readonly seq: bigint;
  /** Absent until it is looked up. */
  readonly preview?: { readonly authorId: string; readonly text: string; readonly deleted: boolean };
}

export interface ReactionCount {
  readonly emoji: string;
  readonly count: number;
  readonly mine: boolean;
}

/** Something that happened in the room besides messages. */
export interface NoticeItem {
  readonly kind: "notice";
  readonly seq: bigint;
  readonly at: Date;
  readonly actorId: string;
  readonly notice: Notice;
}

/** What happened. `renamed` is any change of name or topic. */
export type Notice =
  | { readonly type: "joined"; readonly userId: string }
  | { readonly type: "left"; readonly userId: string }
  | { readonly type: "removed"; readonly userId: string }
  | { readonly type: "roleChanged"; readonly userId: string; readonly role: Role }
  | { readonly type: "renamed"; readonly name: string; readonly topic: string }
  | { readonly type: "deleted" }
  /** Of a kind that this version of the client does not know. */
  | { readonly type: "other" };

/** A message of one's own on its way. */
export interface OutgoingMessage {
  /** Names it, here and on the server. */
  readonly clientId: string;
  readonly roomId: string;
  readonly text: string;
  readonly replyToSeq?: bigint;
  readonly createdAt: Date;
  /** `sent`: the server has it, and its event comes soon; `failed`: `retry` or `discard` it. */
  readonly state: "pending" | "sent" | "failed";
  /** Why it failed. */
  readonly error?: ParleyError;
}

/** A room's store, with what it is told of. */
export interface FedRoomStore extends RoomStore {
  readonly isHeld: boolean;
  event(event: TimelineEvent): void;
  /** What is kept is to be fetched anew. */
  reset(): void;
  gone(): void;
  typed(userId: string): void;
  /** What of its state others keep has changed: what is unread, what is on its way. */
  invalidate(): void;
  /** Connected again: what failed is worth another try. */
  connected(): void;
  /** No more tries until then. */
  stop(): void;
  /** Someone else is signed in. */
  clear(): void;
}
