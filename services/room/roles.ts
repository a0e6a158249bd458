import { Role } from "#gen/parley/room/v1/room_pb.js";

/**
 * Who may do what in a group, as pure rules over roles. Roles rank by their number: MEMBER < MODERATOR < ADMIN < OWNER.
 * One acts only on people below oneself; owners act on anyone.
 */

/** Whether someone of role `actor` may act on someone of role `target`. */
function outranks(actor: Role, target: Role): boolean {
  return actor === Role.OWNER || actor > target;
}

export function mayUpdateRoom(actor: Role): boolean {
  return actor >= Role.ADMIN;
}

export function mayDeleteRoom(actor: Role): boolean {
  return actor === Role.OWNER;
}

/** Covers listing, making and revoking invitations. */
export function mayInvite(actor: Role): boolean {
  return actor >= Role.ADMIN;
}

export function mayRemove(actor: Role, target: Role): boolean {
  return actor >= Role.MODERATOR && outranks(actor, target);
}

/** Whether `actor` may turn `target`'s role into `role`: roles are given below one's own, by owners any. */
export function maySetRole(actor: Role, target: Role, role: Role): boolean {
  return actor >= Role.ADMIN && outranks(actor, target) && outranks(actor, role);
}
