import type { AddressInfo } from "node:net";
import type { Server as TlsServer } from "node:tls";
import type { Logger } from "pino";
import { AuthInternalService } from "#gen/parley/internal/v1/auth_internal_service_pb.js";
import type { Service, ServiceDeps } from "../services/common/lifecycle.ts";
import { loadTls, mutualTls, type TlsFiles, tlsRules, watchTls } from "../services/common/tls.ts";
import { createCallTally } from "./call-tally.ts";
import { createPublicCalls } from "./calls.ts";
import { createClientReader } from "./clients.ts";
import type { GatewayConfig } from "./config.ts";
import { mountConnect } from "./connect/mount.ts";
import { allowOrigins } from "./cors.ts";
import { mountDocs } from "./docs/mount.ts";
import { createGrpc } from "./grpc/grpc.ts";
import { mountHealth } from "./health.ts";
import { createHttpApp } from "./http.ts";
import { createOriginReader } from "./http-origin.ts";
import { createOpenConnections } from "./open-connections.ts";
import { startRealtime } from "./realtime/realtime.ts";
import { mountRest } from "./rest/mount.ts";
import { publicServices } from "./services.ts";
import { mountUpgrade } from "./upgrade.ts";
import { watchCalls } from "./watched-calls.ts";

/** A gateway that listens. */
export interface Gateway extends Service {
  /** Where it listens for HTTP and WebSockets. */
  readonly url: string;
  /** Where it listens for gRPC. */
  readonly grpcUrl: string;
}

/**
 * The edge: turns HTTP and WebSockets into calls of the services. It keeps no data.
 *
 * Closing: not ready, no new connections, goodbyes to everybody connected, requests under way end, done.
 */
export async function startGateway(config: GatewayConfig, deps: ServiceDeps): Promise<Gateway> {
  const logger = deps.logger.child({ service: "gateway" });
  const { rpc, verifier, metrics, tracer } = deps;
  const tally = metrics && createCallTally(metrics);
  const calls = watchCalls(createPublicCalls({ ...config, rpc, verifier, metrics }), {
    logger,
    tally,
    tracer,
  });
  const clients = createClientReader(config.trustedProxies);
  const { admitAddress } = calls;
  const tls = config.tls && loadTls(config.tls);
  const scheme = tls ? "https" : "http";
  const app = createHttpApp({ ...config, logger, clients, admitAddress, tls });
  const connections = createOpenConnections({
    clients,
    maxPerAddress: config.openPerAddress,
    max: config.open,
  });
  connections.guard(app.server);
  const realtime = startRealtime(config, { ...deps, logger, tally });
  const auth = deps.rpc.client(AuthInternalService);
  const originOf = createOriginReader(clients);
  let stopping = false;

  allowOrigins(app, config.allowedOrigins);
  mountHealth(app, { rpc, stopping: () => stopping });
  app.get("/.well-known/jwks.json", async (_, reply) => {
    const { jwksJson } = await auth.getKeySet({}, { timeoutMs: config.requestTimeoutMs });
    reply.header("cache-control", "public, max-age=300").type("application/json; charset=utf-8");
    return jwksJson;
  });
  mountDocs(app, { services: publicServices });
  mountConnect(app, { services: publicServices, calls, originOf });
  mountRest(app, { services: publicServices, calls, originOf });
  mountUpgrade(app, { realtime, clients, connections, config, logger, metrics });

  const grpc = createGrpc({ services: publicServices, rpc, calls, clients, tls, logger });
  connections.guard(grpc.listener);
  const unwatch =
    config.tls && followCertificate(config.tls, { http: app.server, grpc: grpc.listener }, logger);

  async function close(): Promise<void> {
    stopping = true;
    const closed = Promise.all([app.close(), grpc.close()]);
    await realtime.close();
    await closed;
    connections.close();
    unwatch?.();
  }

  try {
    await app.listen({ host: config.host, port: config.port });
    const grpcAddress = await grpc.listen({ host: config.host, port: config.grpcPort });
    return {
      name: "gateway",
      url: urlOf(scheme, app.server.address() as AddressInfo),
      grpcUrl: urlOf(scheme, grpcAddress),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function urlOf(scheme: string, { address, port }: AddressInfo): string {
  return `${scheme}://${address.includes(":") ? `[${address}]` : address}:${port}`;
}

/** Connections keep the certificate that they were opened with. Answers how to stop. */
function followCertificate(
  files: TlsFiles,
  { http, grpc }: { http: object; grpc: object },
  logger: Logger,
): () => void {
  return watchTls(files, {
    changed(material) {
      (http as TlsServer).setSecureContext({ ...tlsRules, ...material });
      (grpc as TlsServer).setSecureContext(mutualTls(material));
    },
    logger,
  });
}
