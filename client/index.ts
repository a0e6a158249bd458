// biome-ignore-all lint/performance/noBarrelFile: the face of the package
/**
 * Parley's client: calls, a realtime connection, an outbox, and rooms as stores. Begin with `createParley`.
 *
 * @module
 */

export type { FeedEntry } from "#gen/parley/message/v1/feed_pb.js";
export type { Message } from "#gen/parley/message/v1/message_pb.js";
export type { TimelineEvent } from "#gen/parley/message/v1/timeline_pb.js";
export type { Signal } from "#gen/parley/realtime/v1/frames_pb.js";
export { type Member, Role, type Room, RoomKind } from "#gen/parley/room/v1/room_pb.js";
export type { User } from "#gen/parley/user/v1/user_pb.js";
export { Code } from "./code.ts";
export type { CallOptions, Client } from "./connect-protocol.ts";
export { type FieldFault, ParleyError } from "./errors.ts";
export { createIndexedDbStorage } from "./indexed-db-storage.ts";
export { createMemoryStorage } from "./memory-storage.ts";
export type { Observable } from "./observable.ts";
export { createParley } from "./parley.ts";
export type {
  LoadOptions,
  MessageItem,
  Notice,
  NoticeItem,
  OutgoingMessage,
  ReactionCount,
  ReplyPreview,
  RoomState,
  RoomStore,
  TimelineItem,
} from "./room-types.ts";
export type { ParleyStorage, StorageMessage } from "./storage.ts";
export type {
  Connection,
  Credentials,
  Inbox,
  InboxRoom,
  IssuedTokens,
  LastMessage,
  NamedInvitation,
  NewAccount,
  Parley,
  ParleyOptions,
  Session,
} from "./types.ts";
