import type { FastifyReply, FastifyRequest } from "fastify";
import type { CallOrigin, Surface } from "./calls.ts";

/** Where a call by HTTP comes from. Its signal aborts when the connection goes away before the answer is out. */
export function originOf(
  surface: Surface,
  request: FastifyRequest,
  reply: FastifyReply,
  timeoutMs?: number,
): CallOrigin {
  const gone = new AbortController();
  reply.raw.once("close", () => gone.abort());
  return {
    surface,
    address: request.ip,
    requestId: request.id,
    authorization: request.headers.authorization,
    signal: gone.signal,
    timeoutMs,
  };
}
