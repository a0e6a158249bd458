import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { calculateJwkThumbprint, exportJWK, type JWK } from "jose";
import type { Kysely } from "kysely";
import type { Logger } from "pino";
import { transact } from "../common/database/transact.ts";
import {
  deleteSigningKeysRetiredBefore,
  insertSigningKey,
  listSigningKeys,
  lockSigningKeys,
  retireSigningKey,
} from "./db/queries-signing-keys.ts";
import type { AuthTables, SigningKeyRow } from "./db/tables.ts";
import { KeyEncryptionSecretError } from "./errors.ts";
import type { KeyEncryption } from "./key-encryption.ts";
import { type KeySchedule, planSuccessor, retiredLongAgo } from "./key-schedule.ts";

/**
 * The keys that sign access tokens. Each is made and published one lead before it signs, so that no verifier's copy of
 * the key set lacks it then, signs for one rotation, and stays published until the last token it signed is dead.
 *
 * All replicas work from the same rows: `maintain` makes the next key when it is due, forgets dead ones and takes over
 * what others made. It has to run several times within a lead; one that comes late signs with the old key for longer,
 * which is still published.
 */
export interface SigningKeys {
  /** The key that signs now. */
  current(): SigningKey;
  /** The public keys (RFC 7517). */
  keySet(): { keys: JWK[] };
  maintain(): Promise<void>;
}

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
}

interface LoadedKey extends SigningKey {
  readonly publicJwk: JWK;
  readonly activatesAt: number;
}

export interface SigningKeysDeps {
  db: Kysely<AuthTables>;
  encryption: KeyEncryption;
  schedule: KeySchedule;
  clock: () => number;
  logger: Logger;
}

/** Loads the keys and makes the first one. Throws KeyEncryptionSecretError if they don't open. */
export async function openSigningKeys(deps: SigningKeysDeps): Promise<SigningKeys> {
  const { db, encryption, schedule, clock, logger } = deps;
  /** In the order in which they sign. */
  let keys: LoadedKey[] = [];

  async function makeSuccessor(): Promise<void> {
    const key = await generateKey(encryption);
    await transact(db, async (tx) => {
      await lockSigningKeys(tx);
      const now = clock();
      const rows = await listSigningKeys(tx);
      const plan = planSuccessor(rows, now, schedule);
      if (plan === undefined) return;
      await insertSigningKey(tx, {
        ...key,
        created_at: now,
        activates_at: plan.activatesAt,
        retires_at: null,
      });
      if (plan.retires !== undefined) await retireSigningKey(tx, plan.retires, plan.activatesAt);
      logger.info({ kid: key.kid, activatesAt: new Date(plan.activatesAt) }, "made a signing key");
    });
  }

  async function maintain(): Promise<void> {
    let rows = await listSigningKeys(db);
    if (planSuccessor(rows, clock(), schedule) !== undefined) {
      await makeSuccessor();
      rows = await listSigningKeys(db);
    }
    const dead = retiredLongAgo(clock(), schedule);
    if (rows.some((row) => row.retires_at !== null && row.retires_at < dead)) {
      await deleteSigningKeysRetiredBefore(db, dead);
      rows = await listSigningKeys(db);
    }
    keys = rows.map((row) => keys.find(({ kid }) => kid === row.kid) ?? loadKey(row, encryption));
  }

  await maintain();
  return {
    current() {
      const now = clock();
      const key = keys.findLast(({ activatesAt }) => activatesAt <= now) ?? keys[0];
      if (key === undefined) throw new Error("there is no signing key");
      return key;
    },
    keySet: () => ({ keys: keys.map(({ publicJwk }) => publicJwk) }),
    maintain,
  };
}

async function generateKey(
  encryption: KeyEncryption,
): Promise<Pick<SigningKeyRow, "kid" | "encrypted_private_key" | "public_jwk">> {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const jwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(jwk);
  return {
    kid,
    encrypted_private_key: encryption.seal(privateKey.export({ format: "der", type: "pkcs8" }), kid),
    public_jwk: JSON.stringify({ ...jwk, kid, alg: "EdDSA", use: "sig" }),
  };
}

function loadKey(row: SigningKeyRow, encryption: KeyEncryption): LoadedKey {
  return {
    kid: row.kid,
    privateKey: createPrivateKey({
      key: Buffer.from(openKey(row, encryption)),
      format: "der",
      type: "pkcs8",
    }),
    publicJwk: JSON.parse(row.public_jwk) as JWK,
    activatesAt: row.activates_at,
  };
}

function openKey(row: SigningKeyRow, encryption: KeyEncryption): Uint8Array {
  try {
    return encryption.open(row.encrypted_private_key, row.kid);
  } catch (error) {
    throw new KeyEncryptionSecretError(
      "the key-encryption secret is not the one that the signing keys in the database were encrypted with: " +
        "give the right one in PARLEY_KEY_ENCRYPTION_SECRET, or put key-encryption.secret back from a backup",
      { cause: error },
    );
  }
}
