import { createHash, randomBytes } from "node:crypto";

/** 144 bits: nobody finds one by trying, so that the database needs no more than an unsalted digest. */
const codeBytes = 18;

/** A new invitation code: 24 characters that are safe in a URL. */
export function newCode(): string {
  return randomBytes(codeBytes).toString("base64url");
}

/** What is kept of a code. */
export function hashCode(code: string): Uint8Array {
  return createHash("sha256").update(code).digest();
}
