import type { AddressInfo } from "node:net";
import type { Server as TlsServer } from "node:tls";
import type { Logger } from "pino";
import { AuthInternalService } from "#gen/parley/internal/v1/auth_internal_service_pb.js";
import { RealtimeService } from "#gen/parley/realtime/v1/realtime_service_pb.js";
import type { Service, ServiceDeps } from "../services/common/lifecycle.ts";
import { countRefusals, createRateLimiter } from "../services/common/rate-limit.ts";
import { type LoadedTls, loadTls, mutualTls, tlsRules, watchTls } from "../services/common/tls.ts";
import { createAdmission } from "./admission.ts";
import { createCallTally } from "./call-tally.ts";
import { createPublicCalls } from "./calls.ts";
import { createClientReader } from "./clients.ts";
import type { GatewayConfig } from "./config.ts";
import { mountConnect } from "./connect/mount.ts";
import { allowOrigins } from "./cors.ts";
import { mountDocs } from "./docs/mount.ts";
import { prepareDraining } from "./draining.ts";
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
import { readBuiltPage } from "./web/built-page.ts";
import { mountPage } from "./web/mount.ts";

/** A gateway that listens. */
export interface Gateway extends Service {
  /** Where it listens for HTTP and WebSockets. */
  readonly url: string;
  /** Where it listens for gRPC. */
  readonly grpcUrl: string;
}

/** How long connections that are idle when it closes are still answered, once each. */
const drainMs = 1000;
/** How long those whose answers are under way may take to fetch them once it closes. */
const closeGraceMs = 5000;

/**
 * The edge: turns HTTP and WebSockets into calls of the services. It keeps no data.
 *
 * Closing: not ready, goodbyes to everybody connected, and for a moment to whoever asks; then no new connections,
 * requests under way end, done.
 */
export async function startGateway(config: GatewayConfig, deps: ServiceDeps): Promise<Gateway> {
  const logger = deps.logger.child({ service: "gateway" });
  const { rpc, verifier, metrics, tracer } = deps;
  const tally = metrics && createCallTally(metrics);
  const admission = createAdmission({
    ...config.admission,
    connections: () => realtime.connections,
    metrics,
  });
  const { targetMs: readTargetMs } = config.admission;
  const open = createPublicCalls({ ...config, rpc, verifier, admission, readTargetMs, metrics });
  const calls = watchCalls(open, { logger, tally, tracer });
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
  const draining = prepareDraining(app.server);
  const perAddress = createRateLimiter(config.connectionsPerAddress);
  countRefusals(metrics, { connections_per_address: perAddress });
  const realtime = startRealtime(config, { ...deps, admission, perAddress, logger, tally });
  const served = rpc.serve(RealtimeService, realtime.subscriptions);
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
  if (config.page) mountPage(app, { files: readBuiltPage() });
  mountConnect(app, { services: publicServices, calls, originOf });
  mountRest(app, { services: publicServices, calls, originOf });
  mountUpgrade(app, { realtime, clients, connections, perAddress, config, logger });

  const grpc = createGrpc({ services: publicServices, rpc, calls, clients, tls, logger });
  connections.guard(grpc.listener);
  const unwatch = tls && followCertificate(tls, { http: app.server, grpc: grpc.listener }, logger);

  async function close(): Promise<void> {
    stopping = true;
    const cut = setTimeout(() => app.server.closeAllConnections(), closeGraceMs);
    const drained = draining.start(drainMs).then(() => app.close());
    const closed = Promise.all([drained, grpc.close()]);
    await realtime.close();
    await served.close();
    await closed;
    clearTimeout(cut);
    connections.close();
    admission.close();
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
  inUse: LoadedTls,
  { http, grpc }: { http: object; grpc: object },
  logger: Logger,
): () => void {
  return watchTls(inUse, {
    changed(material) {
      (http as TlsServer).setSecureContext({ ...tlsRules, ...material });
      (grpc as TlsServer).setSecureContext(mutualTls(material));
    },
    logger,
  });
}
