import { bytesToId, idToBytes, isId } from "../common/ids.ts";
import { decodePageToken, encodePageToken, isOrdinal } from "../common/page-token.ts";

const defaultPageSize = 50;

/** How many a page holds; the contract has checked the bounds. */
export function pageSizeOf(asked: number | undefined): number {
  return asked ?? defaultPageSize;
}

/** The last session of a page. */
export interface SessionCursor {
  readonly createdAt: number;
  readonly sessionId: Uint8Array;
}

/** The next page of the user's sessions. */
export function encodeSessionCursor(userId: string, { createdAt, sessionId }: SessionCursor): string {
  return encodePageToken(sessionsOf(userId), `${createdAt} ${bytesToId(sessionId)}`);
}

/** Undefined for the first page. Throws InvalidArgumentError. */
export function decodeSessionCursor(userId: string, token: string | undefined): SessionCursor | undefined {
  const key = decodePageToken(sessionsOf(userId), token, isSessionKey);
  if (key === undefined) return undefined;
  const [createdAt, sessionId = ""] = key.split(" ");
  return { createdAt: Number(createdAt), sessionId: idToBytes(sessionId) };
}

function isSessionKey(key: string): boolean {
  const [createdAt = "", sessionId = "", ...rest] = key.split(" ");
  return isOrdinal(createdAt) && isId(sessionId) && rest.length === 0;
}

/** The next page of what the query finds, after the username. */
export function encodeUserCursor(query: string, username: string): string {
  return encodePageToken(foundBy(query), username);
}

/** Undefined for the first page. Throws InvalidArgumentError. */
export function decodeUserCursor(query: string, token: string | undefined): string | undefined {
  return decodePageToken(foundBy(query), token, (username) => username !== "");
}

const sessionsOf = (userId: string) => `sessions ${userId}`;
const foundBy = (query: string) => `users ${query}`;
