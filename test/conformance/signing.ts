import { type KeyObject, sign } from "node:crypto";
import pino from "pino";
import { migrations } from "../../services/auth/db/migrations/migrations.ts";
import type { AuthTables } from "../../services/auth/db/tables.ts";
import { createKeyEncryption } from "../../services/auth/key-encryption.ts";
import { loadKeyEncryptionSecret } from "../../services/auth/key-encryption-secret.ts";
import { openSigningKeys, type SigningKey } from "../../services/auth/signing-keys.ts";
import { openDatabaseBeside } from "../../services/common/database/database.ts";
import type { RunningStack } from "../stack.ts";

/** Parts of a JWT, and somebody's good token with the server's own key to make others of it. */
export type Json = Readonly<Record<string, unknown>>;

export interface Signer {
  readonly token: string;
  readonly privateKey: KeyObject;
}

type Place = Pick<RunningStack, "folder" | "databaseUrl">;

/** The key that signs in that Parley, read beside the processes that run on its data. */
export async function readSigningKey({ folder, databaseUrl }: Place): Promise<SigningKey> {
  const logger = pino({ enabled: false });
  const database = await openDatabaseBeside<AuthTables>({
    url: databaseUrl,
    name: "auth",
    migrations,
    logger,
  });
  try {
    const secret = await loadKeyEncryptionSecret({ given: undefined, folder, inUse: true });
    const hour = 3_600_000;
    const keys = await openSigningKeys({
      db: database.kysely,
      encryption: createKeyEncryption(secret),
      schedule: { rotationMs: 24 * hour, leadMs: hour, tokenLifetimeMs: hour / 6 },
      clock: Date.now,
      logger,
    });
    return keys.current();
  } finally {
    await database.close();
  }
}

/** The token with other claims or headers, signed by the key. What is undefined is left out. */
export function resign({ token, privateKey }: Signer, claims: Json = {}, header: Json = {}): string {
  return signed({ ...headerOf(token), ...header }, { ...claimsOf(token), ...claims }, (text) =>
    sign(null, text, privateKey),
  );
}

/** The token as it will be when its time is over: nothing else is wrong with it. */
export function expired(signer: Signer): string {
  const now = Math.floor(Date.now() / 1000);
  return resign(signer, { iat: now - 1200, exp: now - 600 });
}

export function signed(header: Json, claims: Json, signer: (text: Buffer) => Uint8Array): string {
  const text = `${part(header)}.${part(claims)}`;
  return `${text}.${Buffer.from(signer(Buffer.from(text))).toString("base64url")}`;
}

export const part = (value: Json) => Buffer.from(JSON.stringify(value)).toString("base64url");
export const headerOf = (token: string) => read(token, 0);
export const claimsOf = (token: string) => read(token, 1);
const read = (token: string, index: number): Json =>
  JSON.parse(Buffer.from(token.split(".")[index] ?? "", "base64url").toString());
