import { createHash } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";

/** Bytes that are the same for everybody until the next version of Parley. */
export interface Asset {
  readonly body: Buffer;
  readonly type: string;
  /** Of the bytes, so that replicas of one version agree. */
  readonly etag: string;
}

export function createAsset(body: Buffer, type: string): Asset {
  return { body, type, etag: `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"` };
}

/**
 * Unless told otherwise, caches may keep it but ask each time, so that nobody reads the contracts of the version before
 * an upgrade.
 */
export function sendAsset(
  asset: Asset,
  request: FastifyRequest,
  reply: FastifyReply,
  cacheControl = "public, no-cache",
): FastifyReply {
  reply.header("etag", asset.etag).header("cache-control", cacheControl);
  if (isKnown(asset, request.headers["if-none-match"])) return reply.code(304).send();
  return reply.type(asset.type).send(asset.body);
}

function isKnown({ etag }: Asset, ifNoneMatch: string | undefined): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch
    .split(",")
    .some((each) => each.trim() === "*" || each.trim().replace(/^W\//, "") === etag);
}
