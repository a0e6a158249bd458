import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

const nonceLength = 12;
const tagLength = 16;

/** What the key-encryption secret is used for, each purpose with a key of its own. */
export interface KeyEncryption {
  /** AES-256-GCM, bound to the name of what is sealed: nonce, ciphertext, tag. */
  seal(plain: Uint8Array, name: string): Uint8Array;
  /** The reverse. Throws if the secret or the name is another one, or the bytes were changed. */
  open(sealed: Uint8Array, name: string): Uint8Array;
  /** A 256-bit key for the purpose; the same each time. */
  deriveKey(purpose: string): Uint8Array;
}

export function createKeyEncryption(secret: string): KeyEncryption {
  const deriveKey = (purpose: string) => new Uint8Array(hkdfSync("sha256", secret, "", purpose, 32));
  const sealingKey = deriveKey("parley signing keys");
  return {
    seal(plain, name) {
      const nonce = randomBytes(nonceLength);
      const cipher = createCipheriv("aes-256-gcm", sealingKey, nonce).setAAD(Buffer.from(name));
      return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    },

    open(sealed, name) {
      const nonce = sealed.subarray(0, nonceLength);
      const tag = sealed.subarray(-tagLength);
      const decipher = createDecipheriv("aes-256-gcm", sealingKey, nonce, { authTagLength: tagLength })
        .setAAD(Buffer.from(name))
        .setAuthTag(tag);
      return Buffer.concat([decipher.update(sealed.subarray(nonceLength, -tagLength)), decipher.final()]);
    },

    deriveKey,
  };
}
