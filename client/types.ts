import type { AuthService } from "#gen/parley/auth/v1/auth_service_pb.js";
import type { FeedEntry } from "#gen/parley/message/v1/feed_pb.js";
import type { MessageService } from "#gen/parley/message/v1/message_service_pb.js";
import type { TimelineEvent } from "#gen/parley/message/v1/timeline_pb.js";
import type { Signal } from "#gen/parley/realtime/v1/frames_pb.js";
import type { Room } from "#gen/parley/room/v1/room_pb.js";
import type { RoomService } from "#gen/parley/room/v1/room_service_pb.js";
import type { User } from "#gen/parley/user/v1/user_pb.js";
import type { UserService } from "#gen/parley/user/v1/user_service_pb.js";
import type { CallOptions, Client } from "./connect-protocol.ts";
import type { ParleyError } from "./errors.ts";
import type { Observable } from "./observable.ts";
import type { RoomStore } from "./room-types.ts";
import type { ParleyStorage } from "./storage.ts";

/** Settings of a client. All are optional in a browser whose page the server serves. */
export interface ParleyOptions {
  /** Origin of the server, such as `https://chat.example.com`; in a browser the page's own unless given. */
  url?: string;
  /** Where the session and unsent messages are kept: IndexedDB where there is one, else memory, unless given. */
  storage?: ParleyStorage;
  /** How to stay connected: WebSocket, and Subscribe where one can't be opened (`auto`, the default), or one of them. */
  transport?: "auto" | "websocket" | "subscribe";
  /** What the list of sessions calls this device, 1 to 100 characters. */
  deviceName?: string;
}

/** Parley, for one person at a time. Made by `createParley`. */
export interface Parley {
  /** Who is signed in; the same in all tabs. */
  readonly session: Observable<Session>;
  /** How the realtime connection is. */
  readonly connection: Observable<Connection>;
  /** The person's rooms, live while connected. */
  readonly inbox: Observable<Inbox>;
  /** Invitations by name that came in the last 30 days and weren't accepted; they may have expired since. */
  readonly invitations: Observable<readonly NamedInvitation[]>;
  /** Signs up and in. */
  register(request: NewAccount, options?: CallOptions): Promise<User>;
  /** Signs in. */
  login(request: Credentials, options?: CallOptions): Promise<User>;
  /** Signs in with tokens that the application's own back end got by `AdminService.IssueTokens`. */
  useTokens(tokens: IssuedTokens, options?: CallOptions): Promise<User>;
  /** Signs out here and in all tabs, with what was unsent forgotten. The server is told if it can be reached. */
  logout(options?: CallOptions): Promise<void>;
  /** Ends all sessions of the person, this one last. Rejects, and stays signed in, if the server can't be told. */
  logoutEverywhere(options?: CallOptions): Promise<void>;
  /** Passwords and sessions. */
  readonly auth: Client<typeof AuthService>;
  /** People. */
  readonly users: Client<typeof UserService>;
  /** Rooms, members, invitations. */
  readonly rooms: Client<typeof RoomService>;
  /** Messages, timelines, read markers. */
  readonly messages: Client<typeof MessageService>;
  /** A person's name and such, looked up together with others and kept; undefined until known, and if there is none. */
  user(userId: string): Observable<User | undefined>;
  /** A room as a store; the same object for the same id while someone holds it. */
  room(roomId: string): RoomStore;
  /** Every event of every room: per room in order, each once, from the moment that `connection` is connected. */
  on(type: "event", listener: (event: TimelineEvent) => void): () => void;
  /** Every entry of the person's own feed: in order, each once. */
  on(type: "feed", listener: (entry: FeedEntry) => void): () => void;
  /** Fleeting signs, such as typing. */
  on(type: "signal", listener: (signal: Signal) => void): () => void;
  /**
   * The room's (or, without one, the feed's) past is another, since a backup was restored, or more was missed than can
   * be told: what was kept of it is to be fetched anew.
   */
  on(type: "reset", listener: (roomId: string | undefined) => void): () => void;
  /** Connects whenever someone is signed in, and stays connected until `close`. Returns at once; see `connection`. */
  connect(): void;
  /** Ends the connection, and soon every timer. What is unsent stays in the storage. `connect` begins anew. */
  close(): Promise<void>;
}

/** What signs up. */
export interface NewAccount {
  /** 3 to 32 of `a-z 0-9 _ . -`, in any case. */
  username: string;
  /** 8 to 128 characters. */
  password: string;
  /** 1 to 100 characters; the username if absent. */
  displayName?: string;
}

/** What signs in. */
export interface Credentials {
  username: string;
  password: string;
}

/** The `tokens` of an answer of Parley, as they are in its JSON or in the generated message. */
export interface IssuedTokens {
  accessToken: string;
  refreshToken: string;
}

/** Who is signed in. */
export type Session =
  | { readonly status: "loading" }
  /** `reason` says why a session ended that nobody signed out of, such as `SESSION_REVOKED`. */
  | { readonly status: "signedOut"; readonly reason?: string }
  | { readonly status: "signedIn"; readonly user: User };

/** How the realtime connection is. */
export interface Connection {
  /**
   * `idle`: nobody is signed in, or `connect` wasn't called; `waiting`: for `retryAt`, or until the device is online;
   * `closed`: by `close`.
   */
  readonly status: "idle" | "connecting" | "connected" | "waiting" | "closed";
  /** How it is connected. */
  readonly transport?: "websocket" | "subscribe";
  /** When the next try is, in ms since 1970. */
  readonly retryAt?: number;
  /** Why the last try failed. */
  readonly error?: ParleyError;
}

/** The person's rooms. */
export interface Inbox {
  /** `loading` until the first rooms are there; `failed` with an `error` is tried again by itself. */
  readonly status: "loading" | "ready" | "failed";
  /** Latest activity first. */
  readonly rooms: readonly InboxRoom[];
  /** Further rooms are still being loaded. */
  readonly hasMore: boolean;
  readonly error?: ParleyError;
}

/** A room in the inbox. The same object until it changes. */
export interface InboxRoom {
  readonly roomId: string;
  readonly room: Room;
  /** The room's name; of a direct room the other person's, empty until it is known. */
  readonly title: string;
  /** Of a direct room, the other person. */
  readonly otherUserId?: string;
  readonly otherUser?: User;
  /** How many posts by others are after the read marker. */
  readonly unread: number;
  /** The read marker. */
  readonly readSeq: bigint;
  /** The last message that isn't deleted. */
  readonly lastMessage?: LastMessage;
  /** The seq of the room's last event. */
  readonly lastSeq: bigint;
  /** When it last was active, in ms since 1970, by which rooms are sorted; 0 if nothing was ever said. */
  readonly activeAt: number;
}

/** A room's last message, for a line in a list. */
export interface LastMessage {
  readonly seq: bigint;
  readonly authorId: string;
  readonly text: string;
  readonly sentAt: Date;
}

/** An invitation by name. */
export interface NamedInvitation {
  readonly roomId: string;
  readonly invitationId: string;
  readonly at: Date;
}
