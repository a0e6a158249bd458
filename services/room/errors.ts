import { DomainError, LimitReachedError } from "../common/errors.ts";

/** The room is unknown or deleted, or the caller is not in it: it does not say which. */
export class RoomNotFoundError extends DomainError {
  constructor() {
    super({ reason: "ROOM_NOT_FOUND", message: "there is no such room" });
  }
}

/** A person who is named isn't known. */
export class UserNotFoundError extends DomainError {
  constructor() {
    super({ reason: "USER_NOT_FOUND", message: "there is no such user" });
  }
}

/** The person is not in the room. */
export class MemberNotFoundError extends DomainError {
  constructor() {
    super({ reason: "MEMBER_NOT_FOUND", message: "this person is not in the room" });
  }
}

/** There is no such invitation, or it lets this person in no more: it does not say which. */
export class InvitationNotFoundError extends DomainError {
  constructor() {
    super({ reason: "INVITATION_NOT_FOUND", message: "there is no such invitation" });
  }
}

/** Direct rooms take no part in this. */
export class DirectRoomError extends DomainError {
  constructor(message = "direct rooms can't be left, renamed, deleted, invited to or given roles in") {
    super({ reason: "DIRECT_ROOM", message });
  }
}

/** The caller's role doesn't allow it. */
export class RoleTooLowError extends DomainError {
  constructor() {
    super({ reason: "ROLE_TOO_LOW", message: "your role in this room does not allow this" });
  }
}

/** The room would be left with people and without an owner. */
export class LastOwnerError extends DomainError {
  constructor() {
    super({ reason: "LAST_OWNER", message: "the last owner has to make someone else an owner first" });
  }
}

/** The client id was used for something else. */
export class ClientIdReusedError extends DomainError {
  constructor() {
    super({ reason: "CLIENT_ID_REUSED", message: "this client_id was used with other content" });
  }
}

/** The room is full. */
export class RoomFullError extends LimitReachedError {
  constructor(limit: number) {
    super(`a room has at most ${limit} members`);
  }
}

/** Someone who would be added is in as many rooms as one can be. */
export class TooManyRoomsError extends LimitReachedError {
  constructor(limit: number) {
    super(`a person is in at most ${limit} rooms`);
  }
}
