import { create } from "@bufbuild/protobuf";
import {
  type InboxItem,
  InboxItemSchema,
  type Message,
  MessageSchema,
  type Reaction,
  ReactionSchema,
} from "#gen/parley/message/v1/message_pb.js";
import { toTimestamp } from "./events.ts";
import type { InboxRow, MessageRow, ReactionRow, SendOp } from "./types.ts";

/** Messages as the contract has them. */

export function toMessage(roomId: string, row: MessageRow): Message {
  const [seq, authorId, clientId, text, sentAt, editedAt, deletedAt, replyToSeq, reactions] = row;
  return create(MessageSchema, {
    roomId,
    seq: BigInt(seq),
    authorId,
    clientId,
    text,
    sentAt: toTimestamp(sentAt),
    ...(editedAt !== 0 && { editedAt: toTimestamp(editedAt) }),
    ...(deletedAt !== 0 && { deletedAt: toTimestamp(deletedAt) }),
    ...(replyToSeq !== 0 && { replyToSeq: BigInt(replyToSeq) }),
    reactions: reactions.map(toReaction),
  });
}

/** The message that was just posted. */
export function postedMessage(op: SendOp, seq: number, at: number): Message {
  const [, roomId, userId, clientId, text, replyToSeq] = op;
  return toMessage(roomId, [seq, userId, clientId, text, at, 0, 0, replyToSeq, []]);
}

export function toInboxItem(row: InboxRow): InboxItem {
  const { roomId, lastMessage } = row;
  return create(InboxItemSchema, {
    roomId,
    lastSeq: BigInt(row.lastSeq),
    readSeq: BigInt(row.readSeq),
    unreadCount: row.unreadCount,
    ...(lastMessage && { lastMessage: toMessage(roomId, lastMessage) }),
  });
}

function toReaction([emoji, count, mine]: ReactionRow): Reaction {
  return create(ReactionSchema, { emoji, count, mine });
}
