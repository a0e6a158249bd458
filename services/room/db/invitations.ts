import type { Kysely, Selectable } from "kysely";
import { bytesToId, idToBytes } from "../../common/ids.ts";
import type { InvitationTable, RoomTables } from "./tables.ts";

export interface Invitation {
  readonly invitationId: string;
  readonly roomId: string;
  readonly ordinal: number;
  readonly creatorId: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly maxUses: number | undefined;
  readonly uses: number;
  /** The one person it is for. */
  readonly userId: string | undefined;
  readonly codeHash: Uint8Array | undefined;
  readonly client: { readonly id: string; readonly contentHash: Uint8Array } | undefined;
  /** Revoked, used up or found expired. */
  readonly ended: boolean;
}

export async function insertInvitation(
  db: Kysely<RoomTables>,
  invitation: Omit<Invitation, "ended">,
): Promise<void> {
  await db
    .insertInto("invitation")
    .values({
      invitation_id: idToBytes(invitation.invitationId),
      room_id: idToBytes(invitation.roomId),
      ordinal: invitation.ordinal,
      creator_id: idToBytes(invitation.creatorId),
      created_at: invitation.createdAt,
      expires_at: invitation.expiresAt,
      max_uses: invitation.maxUses ?? null,
      uses: invitation.uses,
      user_id: invitation.userId === undefined ? null : idToBytes(invitation.userId),
      code_hash: null,
      client_id: invitation.client?.id ?? null,
      content_hash: invitation.client?.contentHash ?? null,
      ended_at: null,
    })
    .execute();
  if (invitation.codeHash) await replaceCode(db, invitation, invitation.codeHash);
}

/** Makes this the invitation's one good code; those before it stay known. */
export async function replaceCode(
  db: Kysely<RoomTables>,
  invitation: Pick<Invitation, "invitationId" | "roomId">,
  codeHash: Uint8Array,
): Promise<void> {
  const invitation_id = idToBytes(invitation.invitationId);
  await db
    .insertInto("invitation_code")
    .values({ code_hash: codeHash, invitation_id, room_id: idToBytes(invitation.roomId) })
    .execute();
  await db
    .updateTable("invitation")
    .set({ code_hash: codeHash })
    .where("invitation_id", "=", invitation_id)
    .execute();
}

export async function findInvitation(
  db: Kysely<RoomTables>,
  invitationId: string,
): Promise<Invitation | undefined> {
  const row = await db
    .selectFrom("invitation")
    .selectAll()
    .where("invitation_id", "=", idToBytes(invitationId))
    .executeTakeFirst();
  return row && toInvitation(row);
}

/** The invitation that a code was ever made for. */
export async function findInvitationByCode(
  db: Kysely<RoomTables>,
  codeHash: Uint8Array,
): Promise<Invitation | undefined> {
  const row = await db
    .selectFrom("invitation_code")
    .innerJoin("invitation", "invitation.invitation_id", "invitation_code.invitation_id")
    .selectAll("invitation")
    .where("invitation_code.code_hash", "=", codeHash)
    .executeTakeFirst();
  return row && toInvitation(row);
}

/** The invitation that a CreateInvitation with this client id made, until it ends. */
export async function findInvitationByClientId(
  db: Kysely<RoomTables>,
  roomId: string,
  creatorId: string,
  clientId: string,
): Promise<Invitation | undefined> {
  const row = await db
    .selectFrom("invitation")
    .selectAll()
    .where("room_id", "=", idToBytes(roomId))
    .where("creator_id", "=", idToBytes(creatorId))
    .where("client_id", "=", clientId)
    .executeTakeFirst();
  return row && toInvitation(row);
}

/** The room's invitations that are usable at `now`, in the order in which they were made. */
export async function listUsableInvitations(
  db: Kysely<RoomTables>,
  roomId: string,
  now: number,
  afterOrdinal: number,
  limit: number,
): Promise<Invitation[]> {
  const rows = await db
    .selectFrom("invitation")
    .selectAll()
    .where("room_id", "=", idToBytes(roomId))
    .where("ended_at", "is", null)
    .where("expires_at", ">", now)
    .where("ordinal", ">", afterOrdinal)
    .orderBy("ordinal")
    .limit(limit)
    .execute();
  return rows.map(toInvitation);
}

export async function countUse(db: Kysely<RoomTables>, invitationId: string): Promise<void> {
  await db
    .updateTable("invitation")
    .set((eb) => ({ uses: eb("uses", "+", 1) }))
    .where("invitation_id", "=", idToBytes(invitationId))
    .execute();
}

/** Ends an invitation. Its client id is free again. */
export async function endInvitation(
  db: Kysely<RoomTables>,
  invitationId: string,
  endedAt: number,
): Promise<void> {
  await db
    .updateTable("invitation")
    .set({ ended_at: endedAt, client_id: null, content_hash: null })
    .where("invitation_id", "=", idToBytes(invitationId))
    .execute();
}

/** Ends up to `limit` invitations that are past their time; answers how many those were. */
export async function endExpiredInvitations(
  db: Kysely<RoomTables>,
  now: number,
  limit: number,
): Promise<number> {
  const result = await db
    .updateTable("invitation")
    .set({ ended_at: now, client_id: null, content_hash: null })
    .where("invitation_id", "in", (eb) =>
      eb
        .selectFrom("invitation")
        .select("invitation_id")
        .where("ended_at", "is", null)
        .where("expires_at", "<=", now)
        .limit(limit),
    )
    .executeTakeFirst();
  return Number(result.numUpdatedRows);
}

/** Bars someone from all invitations up to an ordinal. The room is locked. */
export async function barFromInvitations(
  db: Kysely<RoomTables>,
  roomId: string,
  userId: string,
  throughOrdinal: number,
): Promise<void> {
  const bar = { room_id: idToBytes(roomId), user_id: idToBytes(userId) };
  const { numUpdatedRows } = await db
    .updateTable("removal_bar")
    .set({ through_ordinal: throughOrdinal })
    .where("room_id", "=", bar.room_id)
    .where("user_id", "=", bar.user_id)
    .executeTakeFirst();
  if (numUpdatedRows > 0n) return;
  await db
    .insertInto("removal_bar")
    .values({ ...bar, through_ordinal: throughOrdinal })
    .execute();
}

/** The ordinal of the last invitation that someone is barred from; 0 if there is none. */
export async function findBar(db: Kysely<RoomTables>, roomId: string, userId: string): Promise<number> {
  const row = await db
    .selectFrom("removal_bar")
    .select("through_ordinal")
    .where("room_id", "=", idToBytes(roomId))
    .where("user_id", "=", idToBytes(userId))
    .executeTakeFirst();
  return row?.through_ordinal ?? 0;
}

/** Forgets everything about the ways into a room that is no more. */
export async function deleteInvitations(db: Kysely<RoomTables>, roomId: string): Promise<void> {
  for (const table of ["invitation_code", "invitation", "removal_bar"] as const) {
    await db.deleteFrom(table).where("room_id", "=", idToBytes(roomId)).execute();
  }
}

function toInvitation(row: Selectable<InvitationTable>): Invitation {
  const { client_id: clientId, content_hash: contentHash } = row;
  return {
    invitationId: bytesToId(row.invitation_id),
    roomId: bytesToId(row.room_id),
    ordinal: row.ordinal,
    creatorId: bytesToId(row.creator_id),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    maxUses: row.max_uses ?? undefined,
    uses: row.uses,
    userId: row.user_id === null ? undefined : bytesToId(row.user_id),
    codeHash: row.code_hash ?? undefined,
    client: clientId !== null && contentHash !== null ? { id: clientId, contentHash } : undefined,
    ended: row.ended_at !== null,
  };
}
