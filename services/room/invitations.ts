import type { Database } from "../common/database/database.ts";
import { isId, newId } from "../common/ids.ts";
import { decodePageToken, encodePageToken, isOrdinal } from "../common/page-token.ts";
import { contentHash, sameContent } from "./content-hash.ts";
import {
  endInvitation,
  findInvitation,
  findInvitationByClientId,
  type Invitation,
  insertInvitation,
  listUsableInvitations,
  replaceCode,
} from "./db/invitations.ts";
import { findRoomOfMember } from "./db/rooms.ts";
import type { RoomTables } from "./db/tables.ts";
import {
  ClientIdReusedError,
  InvitationNotFoundError,
  RoomNotFoundError,
  UserNotFoundError,
} from "./errors.ts";
import { hashCode, newCode } from "./invitation-codes.ts";
import { requireGroup, requireMember, requireRole } from "./membership.ts";
import { mayInvite } from "./roles.ts";
import type { LockedRoom, RoomWrites } from "./room-writes.ts";
import type { Users } from "./users.ts";

export interface NewInvitation {
  readonly maxUses: number | undefined;
  readonly expiresInMs: number;
  /** The one person it is for. */
  readonly userId: string | undefined;
  readonly clientId: string | undefined;
}

/** What the maker of an invitation gets; the code is empty when the invitation names a person. */
export interface MadeInvitation {
  readonly invitation: Invitation;
  readonly code: string;
}

/**
 * Ways into a room, as its admins and owners make, see and revoke them.
 *
 * An invitation for one person is told to that person by a change of the room, also if they are in it already: it is
 * good for coming back as long as it holds. A client id holds until its invitation ends.
 */
export interface Invitations {
  create(
    callerId: string,
    roomId: string,
    invitation: NewInvitation,
    signal?: AbortSignal,
  ): Promise<MadeInvitation>;
  /** The usable ones, oldest first; `nextPageToken` is empty on the last page. */
  list(
    callerId: string,
    roomId: string,
    pageSize: number,
    pageToken: string | undefined,
  ): Promise<{ invitations: Invitation[]; nextPageToken: string }>;
  /** Nothing happens if it has ended; InvitationNotFoundError if the room never had it. */
  revoke(callerId: string, roomId: string, invitationId: string): Promise<void>;
}

export interface InvitationsDeps {
  database: Database<RoomTables>;
  writes: RoomWrites;
  users: Users;
  /** Now, in ms. */
  clock: () => number;
}

export function createInvitations({ database, writes, users, clock }: InvitationsDeps): Invitations {
  const db = database.kysely;
  return {
    async create(callerId, roomId, wanted, signal) {
      const { userId } = wanted;
      const unknown = userId === undefined ? [] : await users.findUnknown([userId], signal);
      return writes.write(roomId, async (locked) => {
        const { role } = await requireMember(locked, callerId);
        requireGroup(locked.room);
        const earlier = await findEarlier(locked, callerId, wanted.clientId, clock());
        if (earlier === undefined && unknown.length > 0) throw new UserNotFoundError();
        requireRole(mayInvite(role));
        return earlier ? repeat(locked, earlier, wanted) : make(locked, callerId, wanted, clock());
      });
    },

    async list(callerId, roomId, pageSize, pageToken) {
      const list = `invitations ${roomId}`;
      const after = Number(decodePageToken(list, pageToken, isOrdinal) ?? 0);
      const found = isId(roomId) ? await findRoomOfMember(db, roomId, callerId) : undefined;
      if (found === undefined) throw new RoomNotFoundError();
      requireGroup(found.room);
      requireRole(mayInvite(found.role));
      const usable = await listUsableInvitations(db, roomId, clock(), after, pageSize + 1);
      const invitations = usable.slice(0, pageSize);
      const last = usable.length > pageSize ? invitations.at(-1) : undefined;
      return { invitations, nextPageToken: last ? encodePageToken(list, `${last.ordinal}`) : "" };
    },

    revoke: (callerId, roomId, invitationId) =>
      writes.write(roomId, async (locked) => {
        const { role } = await requireMember(locked, callerId);
        requireGroup(locked.room);
        requireRole(mayInvite(role));
        const invitation = isId(invitationId) ? await findInvitation(locked.db, invitationId) : undefined;
        if (invitation?.roomId !== roomId) throw new InvitationNotFoundError();
        if (!invitation.ended) await endInvitation(locked.db, invitationId, clock());
      }),
  };
}

/** What the client id made before. One that has expired meanwhile is ended, and its client id free again. */
async function findEarlier(
  { db, room }: LockedRoom,
  callerId: string,
  clientId: string | undefined,
  now: number,
): Promise<Invitation | undefined> {
  if (clientId === undefined) return undefined;
  const earlier = await findInvitationByClientId(db, room.roomId, callerId, clientId);
  if (earlier === undefined || earlier.expiresAt > now) return earlier;
  await endInvitation(db, earlier.invitationId, now);
  return undefined;
}

/** The same invitation again, with a new code in place of the one that was lost. */
async function repeat(
  { db }: LockedRoom,
  earlier: Invitation,
  wanted: NewInvitation,
): Promise<MadeInvitation> {
  if (!sameContent(earlier.client?.contentHash, fingerprint(earlier.invitationId, wanted))) {
    throw new ClientIdReusedError();
  }
  if (earlier.userId !== undefined) return { invitation: earlier, code: "" };
  const code = newCode();
  await replaceCode(db, earlier, hashCode(code));
  return { invitation: earlier, code };
}

async function make(
  locked: LockedRoom,
  callerId: string,
  wanted: NewInvitation,
  now: number,
): Promise<MadeInvitation> {
  const { db, room } = locked;
  const { userId, clientId, maxUses } = wanted;
  const code = userId === undefined ? newCode() : "";
  room.invitationCount += 1;
  const invitationId = newId();
  const invitation: Invitation = {
    invitationId,
    roomId: room.roomId,
    ordinal: room.invitationCount,
    creatorId: callerId,
    createdAt: now,
    expiresAt: now + wanted.expiresInMs,
    maxUses,
    uses: 0,
    userId,
    codeHash: userId === undefined ? hashCode(code) : undefined,
    client:
      clientId === undefined ? undefined : { id: clientId, contentHash: fingerprint(invitationId, wanted) },
    ended: false,
  };
  await insertInvitation(db, invitation);
  if (userId !== undefined) locked.record(callerId, { case: "invited", value: { userId, invitationId } });
  return { invitation, code };
}

function fingerprint(invitationId: string, { maxUses, expiresInMs, userId }: NewInvitation): Uint8Array {
  return contentHash(invitationId, [maxUses ?? null, expiresInMs, userId ?? null]);
}
