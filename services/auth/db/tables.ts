import type { Insertable, Selectable } from "kysely";

/** The tables of auth's own database. Ids are the 16 bytes of their UUID, times are milliseconds since 1970. */
export interface AuthTables {
  user: UserTable;
  credential: CredentialTable;
  user_search: UserSearchTable;
  session: SessionTable;
  signing_key: SigningKeyTable;
  server_key: ServerKeyTable;
}

/** A person. */
export interface UserTable {
  user_id: Uint8Array;
  /** Folded to lower case. */
  username: string;
  /** As it was typed. */
  display_name: string;
  /** Who this is to the application that embeds Parley; one user per value. */
  external_id: string | null;
  created_at: number;
  deleted_at: number | null;
}

/** How a person proves who they are. People made by the embedding application have none. */
export interface CredentialTable {
  user_id: Uint8Array;
  /** Argon2id in PHC string form, which names its own parameters. */
  password_hash: string;
  /** Rises with each change of the password, but not when the same one is hashed again with other parameters. */
  revision: number;
}

/** What a person is found by: rows for each place in their names where a search may begin. */
export interface UserSearchTable {
  /** How many characters of the term there are, where it is clipped for short queries; 0 where it is whole. */
  clipped_to: number;
  /** Case folded; begins where a word does. */
  term: string;
  username: string;
}

/** One sign-in, with the state of its chain of refresh tokens. */
export interface SessionTable {
  session_id: Uint8Array;
  user_id: Uint8Array;
  /** Empty when the client named none. */
  device_name: string;
  created_at: number;
  /** When it began or was last refreshed. */
  last_used_at: number;
  /** When the current refresh token dies, unless it is used. */
  expires_at: number;
  ended_at: number | null;
  ended_reason: SessionEndReason | null;
  /** SHA-256 of the refresh token that was answered last. */
  current_token_hash: Uint8Array;
  /** SHA-256 of the one before it; null until the first refresh. */
  previous_token_hash: Uint8Array | null;
  /** What the current token was derived with from the previous one. */
  successor_salt: Uint8Array | null;
  /** When the current token replaced the previous one. */
  rotated_at: number | null;
}

export type SessionEndReason =
  | "LOGGED_OUT"
  | "REVOKED"
  | "PASSWORD_CHANGED"
  | "REFRESH_TOKEN_REUSED"
  | "TOO_MANY_SESSIONS";

/** An Ed25519 key that signs access tokens. */
export interface SigningKeyTable {
  /** The JWK thumbprint (RFC 7638) of the public key. */
  kid: string;
  /** PKCS #8, sealed with a key that is derived from the key-encryption secret. */
  encrypted_private_key: Uint8Array;
  /** The public key as a JWK, in JSON. */
  public_jwk: string;
  created_at: number;
  /** From here on it signs; until then it is only published. */
  activates_at: number;
  /** From here on its successor signs; null while none is made. */
  retires_at: number | null;
}

/** What an embedding application proves itself with. */
export interface ServerKeyTable {
  key_id: Uint8Array;
  /** What the operator calls it. */
  name: string;
  /** SHA-256 of the key. */
  key_hash: Uint8Array;
  /** Those it has, separated by spaces. */
  scopes: string;
  created_at: number;
  expires_at: number | null;
  revoked_at: number | null;
  /** To about a minute. */
  last_used_at: number | null;
}

export type UserRow = Selectable<UserTable>;
export type CredentialRow = Selectable<CredentialTable>;
export type SessionRow = Selectable<SessionTable>;
export type NewSessionRow = Insertable<SessionTable>;
export type SigningKeyRow = Selectable<SigningKeyTable>;
export type ServerKeyRow = Selectable<ServerKeyTable>;
