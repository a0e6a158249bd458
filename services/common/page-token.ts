import { createHash } from "node:crypto";
import { InvalidArgumentError } from "./errors.ts";

/**
 * Page tokens are positions in one list: the key of the last item shown, behind a digest over the list's name and that
 * key. The digest tells a broken token, or one of another list, from a good one. It is no secret: a key shows no more
 * than the page itself did, and lets nobody see more of a list than they may.
 */
const digestBytes = 8;

/** The token for what follows `key` in `list`. */
export function encodePageToken(list: string, key: string): string {
  return Buffer.concat([digest(list, key), Buffer.from(key)]).toString("base64url");
}

/**
 * The key that `encodePageToken` was given; undefined for the first page. Throws InvalidArgumentError, also for a forged
 * token whose key is none.
 */
export function decodePageToken(
  list: string,
  token: string | undefined,
  isKey: (key: string) => boolean,
): string | undefined {
  if (!token) return undefined;
  const key = Buffer.from(token, "base64url").subarray(digestBytes).toString();
  if (encodePageToken(list, key) !== token || !isKey(key)) {
    const description = "must be the next_page_token of the page before";
    throw new InvalidArgumentError([{ field: "page_token", description }]);
  }
  return key;
}

/** Whether the key is the number of a row. */
export function isOrdinal(key: string): boolean {
  return /^[0-9]{1,15}$/.test(key);
}

function digest(list: string, key: string): Buffer {
  return createHash("sha256").update(`${list}\0${key}`).digest().subarray(0, digestBytes);
}
