import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { toJson } from "@bufbuild/protobuf";
import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import { StatusSchema } from "#gen/google/rpc/status_pb.js";
import {
  DomainError,
  httpStatusOf,
  InvalidArgumentError,
  RateLimitedError,
  retryAfterMsOf,
  statusRegistry,
  toConnectError,
  toStatus,
} from "../services/common/errors.ts";
import { createRateLimiter } from "../services/common/rate-limit.ts";
import type { GatewayConfig } from "./config.ts";
import { OriginRefusedError, RouteNotFoundError } from "./errors.ts";
import type { Realtime } from "./realtime/realtime.ts";

const path = "/v1/realtime";

/** Takes WebSocket upgrades of /v1/realtime; everything else that wants to be upgraded is refused with a reason. */
export function mountUpgrade(
  app: FastifyInstance,
  deps: { realtime: Realtime; config: GatewayConfig; logger: Logger },
): void {
  const perAddress = createRateLimiter(deps.config.connectionsPerAddress);

  function admit(request: IncomingMessage, address: string): void {
    if (request.url?.split("?", 1)[0] !== path) throw new RouteNotFoundError();
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
      refuse(socket, error);
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

function refuse(socket: Duplex, error: unknown): void {
  const status = httpStatusOf(toConnectError(error));
  const body = JSON.stringify(
    toJson(StatusSchema, toStatus(error), { registry: statusRegistry, alwaysEmitImplicit: true }),
  );
  const wait = retryAfterMsOf(error);
  // The client's side stays open otherwise, for as long as it likes.
  socket.once("finish", () => socket.destroy());
  socket.end(
    [
      `HTTP/1.1 ${status} Refused`,
      "content-type: application/json; charset=utf-8",
      `content-length: ${Buffer.byteLength(body)}`,
      ...(wait === undefined ? [] : [`retry-after: ${Math.max(1, Math.ceil(wait / 1000))}`]),
      "connection: close",
      "",
      body,
    ].join("\r\n"),
  );
}
