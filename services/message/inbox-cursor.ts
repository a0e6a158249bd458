import { isId } from "../common/ids.ts";
import { decodePageToken, encodePageToken } from "../common/page-token.ts";
import type { InboxCursor } from "./types.ts";

/** The next page of the person's inbox. */
export function encodeInboxCursor(userId: string, { lastAt, roomId }: InboxCursor): string {
  return encodePageToken(inboxOf(userId), `${lastAt} ${roomId}`);
}

/** Undefined for the first page. Throws InvalidArgumentError. */
export function decodeInboxCursor(userId: string, token: string | undefined): InboxCursor | undefined {
  const key = decodePageToken(inboxOf(userId), token, (text) => parse(text) !== undefined);
  return key === undefined ? undefined : parse(key);
}

const inboxOf = (userId: string) => `inbox ${userId}`;

function parse(key: string): InboxCursor | undefined {
  const [at, roomId = "", ...rest] = key.split(" ");
  const lastAt = Number(at);
  return Number.isSafeInteger(lastAt) && isId(roomId) && rest.length === 0 ? { lastAt, roomId } : undefined;
}
