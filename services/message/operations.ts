import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { Write } from "#gen/parley/internal/v1/message_internal_service_pb.js";
import {
  type AddReactionRequest,
  AddReactionRequestSchema,
  type DeleteMessageRequest,
  DeleteMessageRequestSchema,
  type EditMessageRequest,
  EditMessageRequestSchema,
  type MarkReadRequest,
  MarkReadRequestSchema,
  type RemoveReactionRequest,
  RemoveReactionRequestSchema,
  type SendMessageRequest,
  SendMessageRequestSchema,
} from "#gen/parley/message/v1/message_service_pb.js";
import { InvalidArgumentError } from "../common/errors.ts";
import type { Validator } from "../common/validation.ts";
import { toQualifiedEmoji } from "./emoji.ts";
import { NotAnEmojiError } from "./errors.ts";
import { toSeq } from "./seqs.ts";
import type { DeleteOp, EditOp, MarkReadOp, MemberOp, ReactOp, SendOp, UnreactOp } from "./types.ts";

/** Requests as ops of the person who makes them. The fields' own rules have been checked. */

export function sendOp(userId: string, { roomId, clientId, text, replyToSeq }: SendMessageRequest): SendOp {
  return ["send", roomId, userId, clientId, text, replyToSeq === undefined ? 0 : toSeq(replyToSeq)];
}

export function editOp(userId: string, { roomId, seq, text }: EditMessageRequest, key?: string): EditOp {
  return ["edit", roomId, userId, toSeq(seq), text, key];
}

export function deleteOp(userId: string, { roomId, seq }: DeleteMessageRequest): DeleteOp {
  return ["delete", roomId, userId, toSeq(seq)];
}

/** Throws NotAnEmojiError. */
export function reactOp(userId: string, { roomId, seq, emoji }: AddReactionRequest, key?: string): ReactOp {
  return ["react", roomId, userId, toSeq(seq), qualified(emoji), key];
}

/** Throws NotAnEmojiError. */
export function unreactOp(
  userId: string,
  { roomId, seq, emoji }: RemoveReactionRequest,
  key?: string,
): UnreactOp {
  return ["unreact", roomId, userId, toSeq(seq), qualified(emoji), key];
}

export function markReadOp(userId: string, { roomId, seq }: MarkReadRequest): MarkReadOp {
  return ["markRead", roomId, userId, toSeq(seq)];
}

/** The operation of a Write, checked by the rules of the RPC of the same name. Throws InvalidArgumentError. */
export function operationOp(
  userId: string,
  { case: kind, value }: Write["operation"],
  validator: Validator,
  key?: string,
): MemberOp {
  const checked = <D extends DescMessage>(schema: D, message: MessageShape<D>): MessageShape<D> => {
    const violations = validator.validate(schema, message);
    if (violations.length > 0) throw new InvalidArgumentError(violations);
    return message;
  };
  switch (kind) {
    case "send":
      return sendOp(userId, checked(SendMessageRequestSchema, value));
    case "edit":
      return editOp(userId, checked(EditMessageRequestSchema, value), key);
    case "delete":
      return deleteOp(userId, checked(DeleteMessageRequestSchema, value));
    case "addReaction":
      return reactOp(userId, checked(AddReactionRequestSchema, value), key);
    case "removeReaction":
      return unreactOp(userId, checked(RemoveReactionRequestSchema, value), key);
    case "markRead":
      return markReadOp(userId, checked(MarkReadRequestSchema, value));
    default:
      throw new InvalidArgumentError([{ field: "operation", description: "must be set" }]);
  }
}

function qualified(emoji: string): string {
  const known = toQualifiedEmoji(emoji);
  if (known === undefined) throw new NotAnEmojiError();
  return known;
}
