import { create } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import {
  type FeedEntry,
  FeedEntrySchema,
  InvitedSchema,
  MarkedReadSchema,
  RoomJoinedSchema,
  RoomLeftSchema,
} from "#gen/parley/message/v1/feed_pb.js";
import {
  MemberJoinedSchema,
  MemberLeftSchema,
  MemberRemovedSchema,
  MessageDeletedSchema,
  MessageEditedSchema,
  MessagePostedSchema,
  ReactionAddedSchema,
  ReactionRemovedSchema,
  RoleChangedSchema,
  RoomDeletedSchema,
  RoomUpdatedSchema,
  type TimelineEvent,
  TimelineEventSchema,
} from "#gen/parley/message/v1/timeline_pb.js";
import { type EventRow, eventKind, type FeedRow, feedKind, type MemberOp } from "./types.ts";

/**
 * Rows as messages of the contract. Events are made for every message that is sent, so fields are assigned: to have
 * `create` walk over an initial value costs several times as much.
 */

export function toTimestamp(ms: number): Timestamp {
  const timestamp = create(TimestampSchema);
  const seconds = Math.floor(ms / 1000);
  timestamp.seconds = BigInt(seconds);
  timestamp.nanos = (ms - seconds * 1000) * 1_000_000;
  return timestamp;
}

export function toTimelineEvent(roomId: string, row: EventRow): TimelineEvent {
  const event = create(TimelineEventSchema);
  event.roomId = roomId;
  event.seq = BigInt(row[0]);
  event.actorId = row[2];
  event.at = toTimestamp(row[3]);
  event.body = toBody(row);
  return event;
}

/** The event that an op has made. */
export function eventOf(op: MemberOp, seq: number, at: number): TimelineEvent {
  return toTimelineEvent(op[1], rowOf(op, seq, at));
}

function rowOf(op: MemberOp, seq: number, at: number): EventRow {
  const userId = op[2];
  switch (op[0]) {
    case "send":
      return [seq, eventKind.messagePosted, userId, at, op[4], op[5], op[3]];
    case "edit":
      return [seq, eventKind.messageEdited, userId, at, op[4], op[3], ""];
    case "delete":
      return [seq, eventKind.messageDeleted, userId, at, "", op[3], ""];
    case "react":
      return [seq, eventKind.reactionAdded, userId, at, op[4], op[3], ""];
    case "unreact":
      return [seq, eventKind.reactionRemoved, userId, at, op[4], op[3], ""];
    case "markRead":
      throw new TypeError("markers make no event");
  }
}

function toBody([, kind, , , text, number, detail]: EventRow): TimelineEvent["body"] {
  switch (kind) {
    case eventKind.messagePosted:
      return { case: "messagePosted", value: toMessagePosted(text, number, detail) };
    case eventKind.messageEdited: {
      const init = { messageSeq: BigInt(number), text: text ?? "", erased: text === null };
      return { case: "messageEdited", value: create(MessageEditedSchema, init) };
    }
    case eventKind.messageDeleted:
      return {
        case: "messageDeleted",
        value: create(MessageDeletedSchema, { messageSeq: BigInt(number) }),
      };
    case eventKind.reactionAdded:
    case eventKind.reactionRemoved:
      return toReactionBody(kind, BigInt(number), text ?? "");
    case eventKind.roomUpdated:
      return {
        case: "roomUpdated",
        value: create(RoomUpdatedSchema, { name: text ?? "", topic: detail }),
      };
    case eventKind.roomDeleted:
      return { case: "roomDeleted", value: create(RoomDeletedSchema) };
    default:
      return toMemberBody(kind, text ?? "", number);
  }
}

function toMessagePosted(text: string | null, replyToSeq: number, clientId: string) {
  const posted = create(MessagePostedSchema);
  posted.clientId = clientId;
  posted.text = text ?? "";
  posted.erased = text === null;
  if (replyToSeq !== 0) posted.replyToSeq = BigInt(replyToSeq);
  return posted;
}

function toReactionBody(kind: number, messageSeq: bigint, emoji: string): TimelineEvent["body"] {
  return kind === eventKind.reactionAdded
    ? { case: "reactionAdded", value: create(ReactionAddedSchema, { messageSeq, emoji }) }
    : { case: "reactionRemoved", value: create(ReactionRemovedSchema, { messageSeq, emoji }) };
}

function toMemberBody(kind: number, userId: string, role: number): TimelineEvent["body"] {
  switch (kind) {
    case eventKind.memberJoined:
      return { case: "memberJoined", value: create(MemberJoinedSchema, { userId, role }) };
    case eventKind.memberLeft:
      return { case: "memberLeft", value: create(MemberLeftSchema, { userId }) };
    case eventKind.memberRemoved:
      return { case: "memberRemoved", value: create(MemberRemovedSchema, { userId }) };
    case eventKind.roleChanged:
      return { case: "roleChanged", value: create(RoleChangedSchema, { userId, role }) };
    default:
      throw new TypeError(`events of kind ${kind} are unknown`);
  }
}

export function toFeedEntry([seq, at, kind, roomId, number, invitationId]: FeedRow): FeedEntry {
  const body = toFeedBody(kind, roomId, number, invitationId);
  return create(FeedEntrySchema, { seq: BigInt(seq), at: toTimestamp(at), body });
}

function toFeedBody(kind: number, roomId: string, number: number, invitationId: string): FeedEntry["body"] {
  switch (kind) {
    case feedKind.roomJoined:
      return { case: "roomJoined", value: create(RoomJoinedSchema, { roomId, seq: BigInt(number) }) };
    case feedKind.roomLeft:
      return { case: "roomLeft", value: create(RoomLeftSchema, { roomId, reason: number }) };
    case feedKind.invited:
      return { case: "invited", value: create(InvitedSchema, { roomId, invitationId }) };
    case feedKind.markedRead:
      return { case: "markedRead", value: create(MarkedReadSchema, { roomId, readSeq: BigInt(number) }) };
    default:
      throw new TypeError(`feed entries of kind ${kind} are unknown`);
  }
}
