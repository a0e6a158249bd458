import type { Logger } from "pino";
import type { Gateway } from "../../gateway/service.ts";
import { createServerKeyVerifier } from "../common/auth/server-key-verifier.ts";
import { createTokenVerifier } from "../common/auth.ts";
import { openEventLog } from "../common/events/open-event-log.ts";
import { createHealthCheck } from "../common/health.ts";
import { type CloseStack, runForever, type Service, type ServiceDeps } from "../common/lifecycle.ts";
import { createMetrics, type MetricsRegistry } from "../common/metrics.ts";
import { type ProcessState, startOperatorPort } from "../common/operator-port.ts";
import { createServerInterceptors } from "../common/rpc/interceptors.ts";
import { createLocalRpc, type LocalRpc } from "../common/rpc/local.ts";
import { connectMesh, startMeshServer } from "../common/rpc/mesh.ts";
import type { RpcClients } from "../common/rpc/rpc.ts";
import type { Tracer } from "../common/tracing.ts";
import { createValidator } from "../common/validation.ts";
import type { ParleyConfig } from "./config.ts";
import { version } from "./version.ts";

export interface StartParleyDeps {
  logger: Logger;
  /** Is given everything that has to be closed, as soon as it is open. */
  stack: CloseStack;
  /** Aborts between two steps. */
  signal: AbortSignal;
}

/** What a process that has started can be reached by. */
export interface Started {
  readonly gateway: Gateway | undefined;
  /** Where the other processes of the mesh reach it. */
  readonly meshPort: number | undefined;
}

/** Loaded only where they are hosted: a third of what a process of one part would load is the gateway's. */
const load = {
  auth: () => import("../auth/service.ts"),
  room: () => import("../room/service.ts"),
  message: () => import("../message/service.ts"),
  delivery: () => import("../delivery/service.ts"),
  gateway: () => import("../../gateway/service.ts"),
};

/**
 * The parts that this process hosts, each started when those it calls are there if they are in it, too: elsewhere they
 * may come and go. Then whoever calls from outside is let in, the gateway's clients last; everything closes in reverse.
 */
export async function startParley(config: ParleyConfig, deps: StartParleyDeps): Promise<Started> {
  const { logger, stack, signal } = deps;
  const metrics = config.operator && createMetrics();
  const tracer = await startTracing(config, deps);
  const { shared, local } = await startShared(config, deps, { metrics, tracer });
  let started = false;
  const state = () => (signal.aborted ? "stopping" : started ? "ready" : "starting");
  if (metrics) await startOperator(config, deps, { metrics, state, rpc: shared.rpc });

  async function start<S extends Service>(opened: Promise<S>): Promise<S> {
    const service = await opened;
    stack.add(service.name, () => service.close());
    signal.throwIfAborted();
    return service;
  }

  const named = (service: string) => ({ ...shared, logger: logger.child({ service }) });
  const { auth, room, message, delivery, mesh } = config;
  if (auth) await start((await load.auth()).startAuth(auth, named("auth")));
  if (room) await start((await load.room()).startRoom(room, named("room")));
  if (message) await start((await load.message()).startMessage(message, named("message")));
  if (delivery) await start((await load.delivery()).startDelivery(delivery, named("delivery")));
  startWork(config, shared, deps);
  const meshServer = mesh?.listen && (await start(startMeshServer(mesh, mesh.listen, { local, logger })));
  const gateway =
    config.gateway && (await start((await load.gateway()).startGateway(config.gateway, shared)));
  started = true;
  return { gateway, meshPort: meshServer?.port };
}

/** Loaded only where it is configured: most processes do without. */
async function startTracing(
  { traces }: ParleyConfig,
  { logger, stack }: StartParleyDeps,
): Promise<Tracer | undefined> {
  if (traces === undefined) return undefined;
  const { createTracing } = await import("../common/tracing/open-telemetry.ts");
  const tracing = createTracing(traces, { version, logger });
  stack.add("traces", () => tracing.close());
  return tracing;
}

/** Below everything else, so that it shows what starts and what stops. */
async function startOperator(
  { operator, hosted }: ParleyConfig,
  { logger, stack }: StartParleyDeps,
  deps: { metrics: MetricsRegistry; state: () => ProcessState; rpc: RpcClients },
): Promise<void> {
  if (operator === undefined) return;
  const { metrics, state, rpc } = deps;
  // A gateway is of no use without the others; each of these is, and says so of itself alone.
  const health = createHealthCheck({ rpc, parts: hosted.has("gateway") ? undefined : hosted });
  const port = await startOperatorPort(operator, { metrics, health, state, version, logger });
  stack.add(port.name, () => port.close());
  logger.info({ url: port.url }, "operators are answered");
}

/** What the services share: RPC, within the process and to others, the event log, who checks tokens. */
async function startShared(
  config: ParleyConfig,
  { logger, stack }: StartParleyDeps,
  { metrics, tracer }: Pick<ServiceDeps, "metrics" | "tracer">,
): Promise<{ shared: ServiceDeps; local: LocalRpc }> {
  const local = createLocalRpc({ logger });
  const rpc = startRpc(config, { local, stack, logger });
  const events = await openEventLog(config.events, { logger, metrics });
  // Below the services: what they publish while they close is still delivered.
  stack.add("event log", () => events.close());
  const verifier = createTokenVerifier({ rpc, issuer: config.issuer, logger, metrics });
  const validator = createValidator();
  const serverKeys = createServerKeyVerifier({ rpc });
  local.intercept(createServerInterceptors({ verifier, validator, serverKeys }));
  return { shared: { logger, rpc, events, verifier, validator, metrics, tracer }, local };
}

function startRpc(
  { mesh }: ParleyConfig,
  { local, stack, logger }: Pick<StartParleyDeps, "stack" | "logger"> & { local: LocalRpc },
): ServiceDeps["rpc"] {
  const connections = mesh && connectMesh(mesh, { local, logger });
  if (connections) stack.add("connections to the mesh", () => connections.close());
  stack.add("rpc", () => local.close());
  return connections?.rpc ?? local;
}

/** Work of the process itself, once those it concerns are there. */
function startWork(
  { hosted }: ParleyConfig,
  { events, verifier }: ServiceDeps,
  { stack, logger }: StartParleyDeps,
): void {
  // Until the log is closed. Delivery that ends by itself is an uncaught error: nobody would be told anything any more.
  void events.run(new AbortController().signal);
  // Delivery takes nobody's token.
  if (hosted.size === 1 && hosted.has("delivery")) return;
  const stop = new AbortController();
  const following = runForever("revocations", (signal) => verifier.run(signal), stop.signal, logger);
  stack.add("revocations", async () => {
    stop.abort();
    await following;
  });
}
