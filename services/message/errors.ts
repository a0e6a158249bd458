import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.js";
import { DomainError, InvalidArgumentError, LimitReachedError } from "../common/errors.ts";
import type { Refusal } from "./types.ts";

/** The room is unknown or deleted, or the caller is not in it: it does not say which. */
export class RoomNotFoundError extends DomainError {
  constructor() {
    super({ reason: "ROOM_NOT_FOUND", message: "there is no such room" });
  }
}

/** The room has no message at this seq. */
export class MessageNotFoundError extends DomainError {
  constructor() {
    super({ reason: "MESSAGE_NOT_FOUND", message: "there is no such message" });
  }
}

/** Only the author may do this. */
export class NotAuthorError extends DomainError {
  constructor() {
    super({ reason: "NOT_AUTHOR", message: "only its author can edit a message" });
  }
}

/** The caller's role doesn't allow it, be it because of the author's. */
export class RoleTooLowError extends DomainError {
  constructor() {
    super({ reason: "ROLE_TOO_LOW", message: "your role in this room does not allow this" });
  }
}

/** A deleted message takes neither edits nor reactions. */
export class MessageDeletedError extends DomainError {
  constructor() {
    super({ reason: "MESSAGE_DELETED", message: "the message is deleted" });
  }
}

/** The client id was used for something else. */
export class ClientIdReusedError extends DomainError {
  constructor() {
    super({ reason: "CLIENT_ID_REUSED", message: "this client_id was used with other content" });
  }
}

/** The message has as many different emoji as it can have. */
export class TooManyEmojiError extends LimitReachedError {
  constructor() {
    super("a message takes at most 50 different emoji");
  }
}

/** What is meant as an emoji is none. */
export class NotAnEmojiError extends InvalidArgumentError {
  constructor() {
    super([{ field: "emoji", description: "must be one emoji as Unicode defines (RGI)" }]);
  }
}

const refusals = {
  NOT_MEMBER: RoomNotFoundError,
  MESSAGE_NOT_FOUND: MessageNotFoundError,
  NOT_AUTHOR: NotAuthorError,
  ROLE_TOO_LOW: RoleTooLowError,
  MESSAGE_DELETED: MessageDeletedError,
  CLIENT_ID_REUSED: ClientIdReusedError,
  TOO_MANY_EMOJI: TooManyEmojiError,
} as const satisfies Record<Refusal, new () => DomainError>;

/** What a refused op answers its caller. */
export function refusalError(refusal: Refusal): DomainError {
  return new refusals[refusal]();
}

/**
 * A version of a room is known under another change id: one of the two databases was restored without the other. Only
 * Room gets to see it; to clients it is an internal error, so that is its reason.
 */
export function otherHistoryError(roomId: string, version: number): ConnectError {
  const info = { desc: ErrorInfoSchema, value: { reason: "INTERNAL", domain: "parley" } };
  const message = `room ${roomId}: version ${version} is known under another change id`;
  return new ConnectError(message, Code.FailedPrecondition, undefined, [info]);
}
