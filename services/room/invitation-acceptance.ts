import type { Kysely } from "kysely";
import { Role } from "#gen/parley/room/v1/room_pb.js";
import type { Database } from "../common/database/database.ts";
import { isId } from "../common/ids.ts";
import {
  countUse,
  endInvitation,
  findBar,
  findInvitation,
  findInvitationByCode,
  type Invitation,
} from "./db/invitations.ts";
import { findMember } from "./db/members.ts";
import type { RoomOfMember } from "./db/rooms.ts";
import type { RoomTables } from "./db/tables.ts";
import { InvitationNotFoundError } from "./errors.ts";
import { hashCode } from "./invitation-codes.ts";
import { enter, type RoomLimits } from "./membership.ts";
import type { LockedRoom, RoomWrites } from "./room-writes.ts";

/** What someone comes in by: a code that was handed on, or the id of an invitation that names them. */
export interface Admission {
  readonly case: "code" | "invitationId";
  readonly value: string;
}

/**
 * Coming into a room by an invitation. All that can be wrong with it is answered alike, InvitationNotFoundError. Who is
 * in the room already is answered with it by any code that was ever made for it, and by any invitation that named them;
 * nothing is used up then. Uses are counted under the room's lock: the last one goes to one person.
 */
export interface InvitationAcceptance {
  accept(callerId: string, admission: Admission): Promise<RoomOfMember>;
}

export interface InvitationAcceptanceDeps {
  database: Database<RoomTables>;
  writes: RoomWrites;
  limits: RoomLimits;
  /** Now, in ms. */
  clock: () => number;
}

export function createInvitationAcceptance(deps: InvitationAcceptanceDeps): InvitationAcceptance {
  const { database, writes, limits, clock } = deps;
  return {
    async accept(callerId, admission) {
      const codeHash = admission.case === "code" ? hashCode(admission.value) : undefined;
      const presented =
        codeHash === undefined
          ? await findNamed(database.kysely, admission.value, callerId)
          : await findInvitationByCode(database.kysely, codeHash);
      if (presented === undefined) throw new InvitationNotFoundError();
      return writes.write(presented.roomId, async (locked) => {
        const { db, room } = locked;
        if (room.deletedAt !== null) throw new InvitationNotFoundError();
        const member = await findMember(db, room.roomId, callerId);
        if (member !== undefined) return { room, role: member.role };
        const invitation = await findInvitation(db, presented.invitationId);
        const now = clock();
        const isGood =
          invitation !== undefined &&
          isUsable(invitation, codeHash, now) &&
          (await findBar(db, room.roomId, callerId)) < invitation.ordinal;
        if (!isGood) throw new InvitationNotFoundError();
        await enter(locked, limits, callerId, [{ userId: callerId, role: Role.MEMBER }]);
        await use(locked, invitation, now);
        return { room, role: Role.MEMBER };
      });
    },
  };
}

/** The invitation of this id, if it is for this person. */
async function findNamed(
  db: Kysely<RoomTables>,
  invitationId: string,
  userId: string,
): Promise<Invitation | undefined> {
  const invitation = isId(invitationId) ? await findInvitation(db, invitationId) : undefined;
  return invitation?.userId === userId ? invitation : undefined;
}

/** Whether it still lets people in; by code only by the one that is good now. */
function isUsable(invitation: Invitation, codeHash: Uint8Array | undefined, now: number): boolean {
  const isReplaced =
    codeHash !== undefined && Buffer.compare(invitation.codeHash ?? Buffer.alloc(0), codeHash) !== 0;
  return !invitation.ended && invitation.expiresAt > now && !isReplaced;
}

async function use(
  { db }: LockedRoom,
  { invitationId, uses, maxUses }: Invitation,
  now: number,
): Promise<void> {
  await countUse(db, invitationId);
  if (uses + 1 === maxUses) await endInvitation(db, invitationId, now);
}
