import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import { networkOf } from "../services/common/client-network.ts";
import { DomainError, InvalidArgumentError, RateLimitedError } from "../services/common/errors.ts";
import { newId } from "../services/common/ids.ts";
import type { RateLimiter } from "../services/common/rate-limit.ts";
import { mayConnect } from "./allowed-origins.ts";
import type { Client, ClientReader } from "./clients.ts";
import type { GatewayConfig } from "./config.ts";
import { MethodNotAllowedError, OriginRefusedError, RouteNotFoundError } from "./errors.ts";
import { clientOf } from "./http-origin.ts";
import type { OpenConnections } from "./open-connections.ts";
import type { Realtime } from "./realtime/realtime.ts";
import { transportHeaders } from "./security-headers.ts";
import { refuseOnSocket } from "./socket-refusal.ts";

const path = "/v1/realtime";

/** What is said to who has too many connections open: nobody knows when one ends. */
const openRetryMs = 10_000;

export interface UpgradeDeps {
  realtime: Realtime;
  clients: ClientReader;
  connections: OpenConnections;
  /** Connections that a network may begin. */
  perAddress: RateLimiter;
  config: Pick<GatewayConfig, "allowedOrigins">;
  logger: Logger;
}

/** Takes WebSocket upgrades of /v1/realtime; everything else that wants to be upgraded is refused with a reason. */
export function mountUpgrade(app: FastifyInstance, deps: UpgradeDeps): void {
  /** The rate first: what is refused for another reason counts too. */
  function admit(request: IncomingMessage, client: Client): void {
    const wait = deps.perAddress.take(networkOf(client.address));
    if (wait > 0) throw new RateLimitedError(wait);
    if (request.url?.split("?", 1)[0] !== path) throw new RouteNotFoundError();
    if (request.method !== "GET") throw new MethodNotAllowedError(["GET"]);
    if (!mayConnect(request.headers.origin, client, deps.config.allowedOrigins))
      throw new OriginRefusedError();
    const isProxied = deps.clients.isProxy(request.socket.remoteAddress);
    if (isProxied && !deps.connections.admitProxied(client.address, request.socket))
      throw new RateLimitedError(openRetryMs);
  }

  app.server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Without a listener a client that resets the connection here would end the process.
    socket.on("error", () => {});
    const client = clientOf(deps.clients, request);
    try {
      admit(request, client);
      deps.connections.release(socket);
      if (!deps.realtime.upgrade(request, socket, head, client.address)) {
        throw new InvalidArgumentError([
          { field: "sec_websocket_protocol", description: "must offer parley.v1.json or parley.v1.proto" },
        ]);
      }
    } catch (error) {
      const requestId = newId();
      if (!(error instanceof DomainError)) deps.logger.error({ err: error, requestId }, "an upgrade failed");
      refuseOnSocket(socket, error, { ...transportHeaders(client.scheme), "x-request-id": requestId });
    }
  });

  // The same path asked for without an upgrade.
  app.get(path, async () => {
    throw new InvalidArgumentError([{ field: "upgrade", description: "must be websocket" }]);
  });
}
