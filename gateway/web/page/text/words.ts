import { ParleyError, Role, type Room, RoomKind, type User } from "../../../../client/index.ts";

const roleNames: Readonly<Partial<Record<Role, string>>> = {
  [Role.MEMBER]: "Member",
  [Role.MODERATOR]: "Moderator",
  [Role.ADMIN]: "Admin",
  [Role.OWNER]: "Owner",
};

export function roleName(role: Role): string {
  return roleNames[role] ?? "Member";
}

/** Two people have it for themselves. */
export function isDirect(room: Room | undefined): boolean {
  return room?.kind === RoomKind.DIRECT;
}

/** Until they are known, which takes a moment, as little as can be. */
export function nameOf(user: User | undefined): string {
  if (user === undefined) return "…";
  return user.deletedAt ? "Deleted account" : user.displayName;
}

const byReason: Readonly<Record<string, string>> = {
  UNAVAILABLE: "The server can't be reached. Try again in a moment.",
  OVERLOADED: "The server is busy. Try again in a moment.",
  DEADLINE_EXCEEDED: "The server took too long. Try again in a moment.",
  WRONG_CREDENTIALS: "This username and password don't match.",
  USERNAME_TAKEN: "This username is taken. Choose another.",
  SESSION_REVOKED: "You were signed out.",
  TOKEN_EXPIRED: "You were away for long. Sign in again.",
  REFRESH_TOKEN_REUSED: "You were signed out to keep your account safe.",
  ROLE_TOO_LOW: "Your role in this room doesn't allow that.",
  NOT_AUTHOR: "Only the author can do that.",
  LAST_OWNER: "A room needs an owner. Make someone else an owner first.",
  MESSAGE_DELETED: "This message has been deleted.",
  MESSAGE_NOT_FOUND: "This message is no longer there.",
  ROOM_NOT_FOUND: "You are not in this room, or it no longer exists.",
  MEMBER_NOT_FOUND: "This person is no longer in the room.",
  USER_NOT_FOUND: "This person doesn't exist.",
  SESSION_NOT_FOUND: "This session has ended already.",
  INVITATION_NOT_FOUND: "This invitation doesn't work any more. Ask for a new one.",
  LIMIT_REACHED: "There can't be any more of these.",
  PAYLOAD_TOO_LARGE: "This is too long.",
  INTERNAL: "Something went wrong on the server. Try again.",
};

/** What went wrong, in a sentence for people. */
export function failureText(error: unknown): string {
  if (!(error instanceof ParleyError)) return "Something went wrong. Try again.";
  if (error.reason === "RATE_LIMITED") {
    const seconds = Math.max(1, Math.ceil((error.retryAfter ?? 1000) / 1000));
    return `That was too fast. Try again in ${seconds === 1 ? "a second" : `${seconds} seconds`}.`;
  }
  const fault = error.fields?.[0];
  if (fault) return `${fieldName(fault.field)}: ${fault.message}`;
  return reasonText(error.reason) ?? `That didn't work: ${error.message}`;
}

export function reasonText(reason: string): string | undefined {
  return byReason[reason];
}

/** `display_name`, as the contract calls it: "Display name". */
function fieldName(field: string): string {
  const words = field.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** "1 message", "5 messages". */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString()} ${count === 1 ? one : many}`;
}

/** "Ada", "Ada and Bob", "Ada, Bob and 3 others". */
export function listed(names: readonly string[], most = 2): string {
  const shown = names.length > most + 1 ? names.slice(0, most) : names;
  const rest = names.length - shown.length;
  const all = rest > 0 ? [...shown, `${rest} others`] : shown;
  return all.length < 2 ? (all[0] ?? "") : `${all.slice(0, -1).join(", ")} and ${all.at(-1)}`;
}
