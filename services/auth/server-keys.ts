import type { Kysely } from "kysely";
import type { Logger } from "pino";
import { hashServerKey, newServerKey } from "../common/auth/server-key.ts";
import { TokenExpiredError, UnauthenticatedError } from "../common/errors.ts";
import { bytesToId, idToBytes, isId, newId } from "../common/ids.ts";
import {
  findServerKey,
  insertServerKey,
  listServerKeys,
  noteServerKeyUse,
  revokeServerKey,
} from "./db/queries-server-keys.ts";
import type { AuthTables, ServerKeyRow } from "./db/tables.ts";
import { ScopeMissingError } from "./errors.ts";

/**
 * Keys of applications that embed Parley. Any number are valid at once, so that the next one is in use before the last
 * one is revoked. A check reads the database each time: what another process revokes is refused from its commit on.
 */
export interface ServerKeys {
  /** The key is answered this once and kept nowhere. */
  create(key: NewServerKey): Promise<{ keyId: string; key: string }>;
  /** All that ever were, oldest first. */
  list(): Promise<ServerKey[]>;
  /** Answers whether there is such a key. */
  revoke(keyId: string): Promise<boolean>;
  /** The key's id. Throws UnauthenticatedError, TokenExpiredError or ScopeMissingError. */
  check(keyHash: Uint8Array, scope: string): Promise<string>;
}

export interface NewServerKey {
  readonly name: string;
  readonly scopes: readonly string[];
  /** In ms since the epoch. */
  readonly expiresAt: number | undefined;
}

export interface ServerKey extends NewServerKey {
  readonly keyId: string;
  readonly createdAt: number;
  readonly revokedAt: number | undefined;
  /** To about a minute. */
  readonly lastUsedAt: number | undefined;
}

export interface ServerKeysDeps {
  db: Kysely<AuthTables>;
  clock: () => number;
  logger: Logger;
}

/** A write a call would cost more than the call. */
const noteUseEveryMs = 60_000;

export function createServerKeys({ db, clock, logger }: ServerKeysDeps): ServerKeys {
  /** When the use of each key was noted here: rows that were read before that don't tell. As many as there are keys. */
  const notedAt = new Map<string, number>();

  async function noteUse({ key_id, last_used_at }: ServerKeyRow, now: number): Promise<void> {
    const keyId = bytesToId(key_id);
    if (now - Math.max(notedAt.get(keyId) ?? 0, last_used_at ?? 0) < noteUseEveryMs) return;
    notedAt.set(keyId, now);
    try {
      await noteServerKeyUse(db, key_id, now);
    } catch (error) {
      notedAt.delete(keyId);
      logger.warn({ err: error, keyId }, "the use of a server key could not be noted");
    }
  }

  return {
    async create({ name, scopes, expiresAt }) {
      const keyId = newId();
      const key = newServerKey();
      await insertServerKey(db, {
        key_id: idToBytes(keyId),
        name,
        key_hash: hashServerKey(key),
        scopes: scopes.join(" "),
        created_at: clock(),
        expires_at: expiresAt ?? null,
        revoked_at: null,
        last_used_at: null,
      });
      return { keyId, key };
    },

    async list() {
      return (await listServerKeys(db)).map(toServerKey);
    },

    async revoke(keyId) {
      return isId(keyId) && revokeServerKey(db, idToBytes(keyId), clock());
    },

    async check(keyHash, scope) {
      const row = await findServerKey(db, keyHash);
      if (row === undefined || row.revoked_at !== null) throw new UnauthenticatedError(invalid);
      const now = clock();
      if (row.expires_at !== null && row.expires_at <= now)
        throw new TokenExpiredError("the server key has expired");
      if (!row.scopes.split(" ").includes(scope)) throw new ScopeMissingError(scope);
      await noteUse(row, now);
      return bytesToId(row.key_id);
    },
  };
}

const invalid = "a valid server key is required";

function toServerKey(row: ServerKeyRow): ServerKey {
  return {
    keyId: bytesToId(row.key_id),
    name: row.name,
    scopes: row.scopes.split(" "),
    createdAt: row.created_at,
    expiresAt: row.expires_at ?? undefined,
    revokedAt: row.revoked_at ?? undefined,
    lastUsedAt: row.last_used_at ?? undefined,
  };
}
