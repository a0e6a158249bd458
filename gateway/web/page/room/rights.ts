import { type Member, type MessageItem, Role } from "../../../../client/index.ts";

/** What the server would refuse is not offered. An unspecified role has no rights: of a room of two, or one that isn't known yet. */
export function mayInvite(mine: Role): boolean {
  return mine >= Role.ADMIN;
}

export function mayRename(mine: Role): boolean {
  return mine >= Role.ADMIN;
}

export function mayDeleteRoom(mine: Role): boolean {
  return mine === Role.OWNER;
}

/** Whether one may act on a person at all: owners on anyone, others on people below themselves. */
function isBelow(mine: Role, theirs: Role): boolean {
  return mine === Role.OWNER || theirs < mine;
}

export function mayRemove(mine: Role, member: Member): boolean {
  return mine >= Role.MODERATOR && isBelow(mine, member.role);
}

/** The roles that one may give a person, theirs included; none if one may not. */
export function grantable(mine: Role, member: Member): readonly Role[] {
  if (mine < Role.ADMIN || !isBelow(mine, member.role)) return [];
  const all = [Role.OWNER, Role.ADMIN, Role.MODERATOR, Role.MEMBER];
  return mine === Role.OWNER ? all : all.filter((role) => role < mine);
}

/** Moderators delete messages of people below them; of who isn't known to be in, the server decides. */
export function mayDeleteMessage(mine: Role, message: MessageItem, members: readonly Member[]): boolean {
  if (message.deleted) return false;
  if (message.mine) return true;
  const author = members.find(({ userId }) => userId === message.authorId);
  return mine >= Role.MODERATOR && (author === undefined || isBelow(mine, author.role));
}
