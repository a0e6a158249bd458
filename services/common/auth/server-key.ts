import { createHash, randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";

/**
 * Server keys: `parley_sk_` and 48 characters of base64url, which are 32 random bytes and the CRC-32 of these. By the
 * prefix and the length secret scanners find them (`parley_sk_[A-Za-z0-9_-]{48}`), and by the sum they tell them from
 * examples.
 *
 * At rest there is their SHA-256, without a salt and not slow: that is for what people choose and others can guess. Of
 * 256 random bits nobody tries a noticeable part, however fast.
 */
const prefix = "parley_sk_";
const secretLength = 32;
const shape = /^parley_sk_[A-Za-z0-9_-]{48}$/;

export function newServerKey(): string {
  const secret = randomBytes(secretLength);
  return prefix + Buffer.concat([secret, checksum(secret)]).toString("base64url");
}

/** Whether it can be a key at all. */
export function isServerKey(text: string): boolean {
  if (!shape.test(text)) return false;
  const bytes = Buffer.from(text.slice(prefix.length), "base64url");
  return checksum(bytes.subarray(0, secretLength)).equals(bytes.subarray(secretLength));
}

export function hashServerKey(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}

function checksum(secret: Uint8Array): Buffer {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(secret));
  return sum;
}
