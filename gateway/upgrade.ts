import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import { DomainError, InvalidArgumentError, RateLimitedError } from "../services/common/errors.ts";
import { createRateLimiter } from "../services/common/rate-limit.ts";
import type { GatewayConfig } from "./config.ts";
import { MethodNotAllowedError, OriginRefusedError, RouteNotFoundError } from "./errors.ts";
import type { Realtime } from "./realtime/realtime.ts";
import { refuseOnSocket } from "./socket-refusal.ts";

const path = "/v1/realtime";

/** Takes WebSocket upgrades of /v1/realtime; everything else that wants to be upgraded is refused with a reason. */
export function mountUpgrade(
  app: FastifyInstance,
  deps: { realtime: Realtime; config: GatewayConfig; logger: Logger },
): void {
  const perAddress = createRateLimiter(deps.config.connectionsPerAddress);

  function admit(request: IncomingMessage, address: string): void {
    if (request.url?.split("?", 1)[0] !== path) throw new RouteNotFoundError();
    if (request.method !== "GET") throw new MethodNotAllowedError(["GET"]);
    if (!isAllowedOrigin(request, deps.config.allowedOrigins)) throw new OriginRefusedError();
    const wait = perAddress.take(address);
    if (wait > 0) throw new RateLimitedError(wait);
  }

  app.server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Without a listener a client that resets the connection here would end the process.
    socket.on("error", () => {});
    try {
      const address = request.socket.remoteAddress ?? "";
      admit(request, address);
      if (!deps.realtime.upgrade(request, socket, head, address)) {
        throw new InvalidArgumentError([
          { field: "sec_websocket_protocol", description: "must offer parley.v1.json or parley.v1.proto" },
        ]);
      }
    } catch (error) {
      if (!(error instanceof DomainError)) deps.logger.error({ err: error }, "an upgrade failed");
      refuseOnSocket(socket, error);
    }
  });

  // The same path asked for without an upgrade.
  app.get(path, async () => {
    throw new InvalidArgumentError([{ field: "upgrade", description: "must be websocket" }]);
  });
}

/** No Origin: no browser. Otherwise the server's own, as the client addressed it, or a configured one. */
function isAllowedOrigin(request: IncomingMessage, allowed: readonly string[]): boolean {
  const { origin, host } = request.headers;
  if (origin === undefined) return true;
  if (allowed.includes(origin)) return true;
  return URL.canParse(origin) && host !== undefined && new URL(origin).host === host.toLowerCase();
}
