import { createHash } from "node:crypto";

/**
 * What a client id was first used for, without keeping the content itself: a SHA-256 over the id of what was made, which
 * makes it useless for finding the same content elsewhere, and the content.
 */
export function contentHash(salt: string, content: readonly unknown[]): Uint8Array {
  return createHash("sha256")
    .update(JSON.stringify([salt, ...content]))
    .digest();
}

export function sameContent(a: Uint8Array | null | undefined, b: Uint8Array): boolean {
  return a != null && Buffer.compare(a, b) === 0;
}
