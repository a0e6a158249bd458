import { createHash } from "node:crypto";
import { InvalidArgumentError } from "../common/errors.ts";

/**
 * Page tokens are positions in one list: the key of the last item shown, and a digest over the list's name and that key.
 * The digest tells a broken token, or one of another list, from a good one; it protects nothing, as a position lets
 * nobody see more of a list than they may.
 */
const digestBytes = 8;

/** The token for what follows `key` in `list`. */
export function encodePageToken(list: string, key: string): string {
  return Buffer.concat([digest(list, key), Buffer.from(key)]).toString("base64url");
}

/** The key that `encodePageToken` was given, undefined for the first page. Throws InvalidArgumentError. */
export function decodePageToken(
  list: string,
  token: string | undefined,
  isKey: (key: string) => boolean,
): string | undefined {
  if (token === undefined || token === "") return undefined;
  const bytes = Buffer.from(token, "base64url");
  const key = bytes.subarray(digestBytes).toString();
  const isWhole =
    bytes.toString("base64url") === token && digest(list, key).equals(bytes.subarray(0, digestBytes));
  if (!isWhole || !isKey(key)) {
    throw new InvalidArgumentError([
      { field: "page_token", description: "must be the next_page_token of the page before" },
    ]);
  }
  return key;
}

/** Whether the key is a number of a row. */
export function isOrdinal(key: string): boolean {
  return /^[0-9]{1,15}$/.test(key);
}

function digest(list: string, key: string): Buffer {
  return createHash("sha256").update(`${list}\0${key}`).digest().subarray(0, digestBytes);
}
