import { randomBytes } from "node:crypto";
import { link, open, readFile, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { KeyEncryptionSecretError } from "./errors.ts";

/** Where the key-encryption secret is kept when none is given. */
export const secretFileName = "key-encryption.secret";

/** In characters; fewer can't hold 128 bits of entropy in any usual form. */
export const minSecretLength = 32;

export interface SecretSource {
  /** The secret itself, if configured. */
  readonly given: string | undefined;
  /** The data folder, where it is kept otherwise; undefined if there is none. */
  readonly folder: string | undefined;
  /** Whether anything is encrypted with it already: then a new one would be of no use. */
  readonly inUse: boolean;
}

/** Answers the key-encryption secret, and makes it on the first start of a data folder. */
export async function loadKeyEncryptionSecret(source: SecretSource): Promise<string> {
  if (source.given !== undefined) return source.given;
  if (source.folder === undefined) {
    throw new KeyEncryptionSecretError(
      "without a data folder the key-encryption secret, the same for all replicas, has to be given in " +
        "PARLEY_KEY_ENCRYPTION_SECRET or PARLEY_KEY_ENCRYPTION_SECRET_FILE",
    );
  }
  const file = join(source.folder, secretFileName);
  const kept = await readSecret(file);
  if (kept !== undefined) return kept;
  if (source.inUse) {
    throw new KeyEncryptionSecretError(
      `${file} is missing, and the signing keys in the database are encrypted with it: put it back from a backup, ` +
        "or give the secret in PARLEY_KEY_ENCRYPTION_SECRET",
    );
  }
  await makeSecret(file);
  return loadKeyEncryptionSecret({ ...source, inUse: true });
}

async function readSecret(file: string): Promise<string | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    if (isCode(cause, "ENOENT")) return undefined;
    throw new KeyEncryptionSecretError(`the key-encryption secret can't be read from ${file}`, { cause });
  }
  const secret = text.trim();
  if (secret.length >= minSecretLength) return secret;
  throw new KeyEncryptionSecretError(`${file} should hold a secret of ${minSecretLength} characters or more`);
}

/** The file appears complete or not at all, and whoever comes second keeps what the first one made. */
async function makeSecret(file: string): Promise<void> {
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  await writeDurably(draft, `${randomBytes(32).toString("base64url")}\n`);
  try {
    await link(draft, file);
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error;
  } finally {
    await unlink(draft);
  }
  await syncFolder(dirname(file));
}

async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await open(file, "wx", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
