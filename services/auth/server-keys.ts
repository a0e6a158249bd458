import { createHash, randomBytes } from "node:crypto";
import type { Kysely } from "kysely";
import type { Logger } from "pino";
import { UnauthenticatedError } from "../common/errors.ts";
import { idToBytes, isId, newId } from "../common/ids.ts";
import {
  findServerKey,
  findServerKeyByHash,
  insertServerKey,
  listServerKeys,
  revokeServerKey,
  touchServerKey,
} from "./db/queries-server-keys.ts";
import type { AuthTables, ServerKeyRow } from "./db/tables.ts";

/**
 * The keys of applications that embed Parley: 256 random bits, shown once and kept as their SHA-256. A slow hash is for
 * secrets that people choose; there is nothing to guess here. The prefix lets scanners of source code find a leaked one.
 *
 * Any number are good at the same time, so that a new one is in use before the old one is revoked.
 */
export interface ServerKeys {
  create(wanted: NewServerKey): Promise<{ key: string; row: ServerKeyRow }>;
  /** Oldest first, those that are no longer good included. */
  list(): Promise<ServerKeyRow[]>;
  /** For good. Answers the key, also if it was revoked before; undefined if there is none. */
  revoke(keyId: string): Promise<ServerKeyRow | undefined>;
  /** The scopes of a good key. Throws UnauthenticatedError. */
  verify(key: string): Promise<string[]>;
}

export interface NewServerKey {
  readonly name: string;
  readonly scopes: readonly string[];
  /** Ms since the epoch; never if undefined. */
  readonly expiresAt: number | undefined;
}

export interface ServerKeysDeps {
  db: Kysely<AuthTables>;
  logger: Logger;
  clock: () => number;
}

const prefix = "parley_sk_";
/** When a key was used is written at most this often. */
const touchEveryMs = 60_000;

export function createServerKeys({ db, logger, clock }: ServerKeysDeps): ServerKeys {
  /** Only so that an operator sees when the old key of a rotation is idle: nobody waits for it. */
  function touch(row: ServerKeyRow, now: number): void {
    if (row.last_used_at !== null && now - row.last_used_at < touchEveryMs) return;
    touchServerKey(db, row.key_id, now).catch((err: unknown) =>
      logger.warn({ err }, "the use of a server key could not be noted"),
    );
  }

  return {
    async create({ name, scopes, expiresAt }) {
      const key = prefix + randomBytes(32).toString("base64url");
      const row: ServerKeyRow = {
        key_id: idToBytes(newId()),
        key_hash: hashOf(key),
        name,
        scopes: scopes.join(" "),
        created_at: clock(),
        expires_at: expiresAt ?? null,
        revoked_at: null,
        last_used_at: null,
      };
      await insertServerKey(db, row);
      return { key, row };
    },

    list: () => listServerKeys(db),

    async revoke(keyId) {
      if (!isId(keyId)) return undefined;
      await revokeServerKey(db, idToBytes(keyId), clock());
      return findServerKey(db, idToBytes(keyId));
    },

    async verify(key) {
      const row = key.startsWith(prefix) ? await findServerKeyByHash(db, hashOf(key)) : undefined;
      const now = clock();
      if (row === undefined || !isGood(row, now))
        throw new UnauthenticatedError("a valid server key is required");
      touch(row, now);
      return scopesOf(row);
    },
  };
}

/** Whether the key is neither revoked nor expired. */
export function isGood({ revoked_at, expires_at }: ServerKeyRow, now: number): boolean {
  return revoked_at === null && (expires_at === null || expires_at > now);
}

export function scopesOf({ scopes }: ServerKeyRow): string[] {
  return scopes.split(" ");
}

function hashOf(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
