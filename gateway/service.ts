import type { AddressInfo } from "node:net";
import { AuthInternalService } from "#gen/parley/internal/v1/auth_internal_service_pb.js";
import type { Service, ServiceDeps } from "../services/common/lifecycle.ts";
import { createCallTally } from "./call-tally.ts";
import { createPublicCalls } from "./calls.ts";
import type { GatewayConfig } from "./config.ts";
import { mountConnect } from "./connect/mount.ts";
import { allowOrigins } from "./cors.ts";
import { mountDocs } from "./docs/mount.ts";
import { mountHealth } from "./health.ts";
import { createHttpApp } from "./http.ts";
import { startRealtime } from "./realtime/realtime.ts";
import { mountRest } from "./rest/mount.ts";
import { publicServices } from "./services.ts";
import { mountUpgrade } from "./upgrade.ts";
import { watchCalls } from "./watched-calls.ts";

/** A gateway that listens. */
export interface Gateway extends Service {
  /** Where it listens. */
  readonly url: string;
}

/**
 * The edge: turns HTTP and WebSockets into calls of the services. It keeps no data.
 *
 * Closing: not ready, no new connections, goodbyes to everybody connected, requests under way end, done.
 */
export async function startGateway(config: GatewayConfig, deps: ServiceDeps): Promise<Gateway> {
  const logger = deps.logger.child({ service: "gateway" });
  const app = createHttpApp({ logger });
  const realtime = startRealtime(config, { ...deps, logger });
  const auth = deps.rpc.client(AuthInternalService);
  const { rpc, verifier, metrics } = deps;
  const tally = metrics && createCallTally(metrics);
  const calls = watchCalls(createPublicCalls({ ...config, rpc, verifier, metrics }), { logger, tally });
  let stopping = false;

  allowOrigins(app, config.allowedOrigins);
  mountHealth(app, { rpc: deps.rpc, stopping: () => stopping });
  app.get("/.well-known/jwks.json", async (_, reply) => {
    const { jwksJson } = await auth.getKeySet({}, { timeoutMs: config.requestTimeoutMs });
    reply.header("cache-control", "public, max-age=300").type("application/json; charset=utf-8");
    return jwksJson;
  });
  mountDocs(app, { services: publicServices });
  mountConnect(app, { services: publicServices, calls });
  mountRest(app, { services: publicServices, calls });
  mountUpgrade(app, { realtime, config, logger });

  async function close(): Promise<void> {
    stopping = true;
    const closed = app.close();
    await realtime.close();
    await closed;
  }

  try {
    await app.listen({ host: config.host, port: config.port });
  } catch (error) {
    await close();
    throw error;
  }
  const { address, port } = app.server.address() as AddressInfo;
  return {
    name: "gateway",
    url: `http://${address.includes(":") ? `[${address}]` : address}:${port}`,
    close,
  };
}
