import type { IncomingMessage } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { CallOrigin, Surface } from "./calls.ts";
import type { Client, ClientReader } from "./clients.ts";

/** Where a call by HTTP comes from. Its signal aborts when the connection goes away before the answer is out. */
export type OriginReader = (
  surface: Surface,
  request: FastifyRequest,
  reply: FastifyReply,
  timeoutMs?: number,
) => CallOrigin;

export function createOriginReader(clients: ClientReader): OriginReader {
  return (surface, request, reply, timeoutMs) => {
    const gone = new AbortController();
    reply.raw.once("close", () => gone.abort());
    const { traceparent } = request.headers;
    return {
      surface,
      address: clientOf(clients, request.raw).address,
      requestId: request.id,
      authorization: request.headers.authorization,
      traceparent: typeof traceparent === "string" ? traceparent : undefined,
      fromProxy: clients.isProxy(request.raw.socket.remoteAddress),
      signal: gone.signal,
      timeoutMs,
    };
  };
}

/** Who has sent this request. */
export function clientOf(clients: ClientReader, { socket, headers }: IncomingMessage): Client {
  const peer = { address: socket.remoteAddress, isEncrypted: "encrypted" in socket };
  return clients.clientOf(peer, headers);
}
