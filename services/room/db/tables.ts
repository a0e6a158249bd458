import type { OutboxTables } from "../../common/database/outbox-table.ts";

/**
 * The tables of `room.db`. Ids are the 16 bytes of a UUID, times milliseconds since the epoch, roles and kinds the
 * numbers of their Protobuf enums.
 */
export interface RoomTables extends OutboxTables {
  meta: MetaTable;
  room: RoomTable;
  member: MemberTable;
  person: PersonTable;
  room_change: RoomChangeTable;
  invitation: InvitationTable;
  invitation_code: InvitationCodeTable;
  removal_bar: RemovalBarTable;
}

/** Facts about the database: `epoch`, the id of this life of the data. */
export interface MetaTable {
  name: string;
  value: string;
}

/** A room, kept after its deletion so that its id and its changes stay known. */
export interface RoomTable {
  room_id: Uint8Array;
  kind: number;
  name: string;
  topic: string;
  creator_id: Uint8Array;
  created_at: number;
  /** What CreateRoom was called with, if anything; unique for the creator. Null once the room is deleted. */
  client_id: string | null;
  /** Salted fingerprint of what CreateRoom was called with; null without `client_id`. */
  content_hash: Uint8Array | null;
  /** Of a direct room the two people, lower id first: 32 bytes, unique. */
  pair_key: Uint8Array | null;
  /** The version of the last change. */
  version: number;
  /** The version up to which the timeline has the changes. */
  applied_version: number;
  /** When the oldest change that waits for the timeline was made; null while none does. */
  pending_since: number | null;
  /** The time of the last change; no later change is earlier. */
  changed_at: number;
  member_count: number;
  owner_count: number;
  /** How many invitations were ever made. */
  invitation_count: number;
  deleted_at: number | null;
}

export interface MemberTable {
  room_id: Uint8Array;
  user_id: Uint8Array;
  role: number;
  joined_at: number;
  /** The version of the change by which they joined: the order of the members. */
  ordinal: number;
}

/** How many rooms someone is in. Counted here and not over `member`, so that the limit holds under a row's lock. */
export interface PersonTable {
  user_id: Uint8Array;
  room_count: number;
}

/** The log of changes, never shortened. */
export interface RoomChangeTable {
  room_id: Uint8Array;
  version: number;
  change_id: Uint8Array;
  call_version: number;
  actor_id: Uint8Array;
  at: number;
  /** A binary `RoomChange` of which only the kind is set. */
  body: Uint8Array;
}

/** An invitation, kept as long as its room, so that what is gone is known from what never was. */
export interface InvitationTable {
  invitation_id: Uint8Array;
  room_id: Uint8Array;
  /** From 1, in the order in which the room's invitations were made. */
  ordinal: number;
  creator_id: Uint8Array;
  created_at: number;
  expires_at: number;
  max_uses: number | null;
  uses: number;
  /** The one person it is for. */
  user_id: Uint8Array | null;
  /** SHA-256 of the code that is good now; null for a named invitation. */
  code_hash: Uint8Array | null;
  /** Unique for room and creator. Null once the invitation has ended. */
  client_id: string | null;
  content_hash: Uint8Array | null;
  /** When it was revoked, used up or found expired; null while it may be usable. */
  ended_at: number | null;
}

/** Every code ever given out, by its SHA-256: a member who accepts an old one is answered with the room. */
export interface InvitationCodeTable {
  code_hash: Uint8Array;
  invitation_id: Uint8Array;
  room_id: Uint8Array;
}

/** Whom the room's invitations up to an ordinal let in no more, because they were removed after it was made. */
export interface RemovalBarTable {
  room_id: Uint8Array;
  user_id: Uint8Array;
  through_ordinal: number;
}
