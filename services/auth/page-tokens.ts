import { createHash } from "node:crypto";
import { InvalidArgumentError } from "../common/errors.ts";
import { bytesToId, idToBytes, isId } from "../common/ids.ts";

/**
 * Page tokens: the key of the last item shown, behind a digest over the list's name and that key. The digest tells a
 * broken token, or one of another list, from a good one. It is no secret: a key shows no more than the page itself did,
 * and lets nobody see more of a list than they may.
 */
const digestLength = 8;

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
  return encode(sessionsOf(userId), `${createdAt} ${bytesToId(sessionId)}`);
}

/** Undefined for the first page. Throws InvalidArgumentError. */
export function decodeSessionCursor(userId: string, token: string | undefined): SessionCursor | undefined {
  if (!token) return undefined;
  const [createdAt, sessionId = "", ...rest] = decode(sessionsOf(userId), token).split(" ");
  if (!Number.isSafeInteger(Number(createdAt)) || !isId(sessionId) || rest.length > 0)
    throw brokenPageToken();
  return { createdAt: Number(createdAt), sessionId: idToBytes(sessionId) };
}

/** The next page of what the query finds, after the username. */
export function encodeUserCursor(query: string, username: string): string {
  return encode(foundBy(query), username);
}

/** Undefined for the first page. Throws InvalidArgumentError. */
export function decodeUserCursor(query: string, token: string | undefined): string | undefined {
  return token ? decode(foundBy(query), token) : undefined;
}

const sessionsOf = (userId: string) => `sessions ${userId}`;
const foundBy = (query: string) => `users ${query}`;

function encode(list: string, key: string): string {
  return Buffer.concat([digest(list, key), Buffer.from(key)]).toString("base64url");
}

function decode(list: string, token: string): string {
  const bytes = Buffer.from(token, "base64url");
  const key = bytes.subarray(digestLength).toString();
  if (encode(list, key) !== token) throw brokenPageToken();
  return key;
}

function digest(list: string, key: string): Buffer {
  return createHash("sha256").update(`${list}\0${key}`).digest().subarray(0, digestLength);
}

function brokenPageToken(): InvalidArgumentError {
  const description = "must be the next_page_token of the page before";
  return new InvalidArgumentError([{ field: "page_token", description }]);
}
