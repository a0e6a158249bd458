import type { Logger } from "pino";
import { type Gateway, startGateway } from "../../gateway/service.ts";
import { startAuth } from "../auth/service.ts";
import { createServerKeyVerifier } from "../common/auth/server-key-verifier.ts";
import { createTokenVerifier } from "../common/auth.ts";
import { openEventLog } from "../common/events/open-event-log.ts";
import { createHealthCheck } from "../common/health.ts";
import { type CloseStack, runForever, type Service, type ServiceDeps } from "../common/lifecycle.ts";
import { createMetrics, type MetricsRegistry } from "../common/metrics.ts";
import { type ProcessState, startOperatorPort } from "../common/operator-port.ts";
import { createServerInterceptors } from "../common/rpc/interceptors.ts";
import { createLocalRpc } from "../common/rpc/local.ts";
import type { RpcClients } from "../common/rpc/rpc.ts";
import type { Tracer } from "../common/tracing.ts";
import { createValidator } from "../common/validation.ts";
import { startDelivery } from "../delivery/service.ts";
import { startMessage } from "../message/service.ts";
import { startRoom } from "../room/service.ts";
import type { ParleyConfig } from "./config.ts";
import { version } from "./version.ts";

export interface StartParleyDeps {
  logger: Logger;
  /** Is given everything that has to be closed, as soon as it is open. */
  stack: CloseStack;
  /** Aborts between two steps. */
  signal: AbortSignal;
}

/**
 * All services and the gateway in one process, each started when those it calls are there. The gateway comes last, so
 * that whoever can connect is served; everything closes in reverse.
 */
export async function startParley(config: ParleyConfig, deps: StartParleyDeps): Promise<Gateway> {
  const { logger, stack, signal } = deps;
  const metrics = config.operator && createMetrics();
  const tracer = await startTracing(config, deps);
  const shared = await startShared(config, deps, { metrics, tracer });
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
  await start(startAuth(config.auth, named("auth")));
  await start(startRoom(config.room, named("room")));
  await start(startMessage(config.message, named("message")));
  await start(startDelivery(config.delivery, named("delivery")));
  startWork(shared, stack, logger);
  const gateway = await start(startGateway(config.gateway, shared));
  started = true;
  return gateway;
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
  { operator }: ParleyConfig,
  { logger, stack }: StartParleyDeps,
  deps: { metrics: MetricsRegistry; state: () => ProcessState; rpc: RpcClients },
): Promise<void> {
  if (operator === undefined) return;
  const { metrics, state, rpc } = deps;
  const health = createHealthCheck({ rpc });
  const port = await startOperatorPort(operator, { metrics, health, state, version, logger });
  stack.add(port.name, () => port.close());
  logger.info({ url: port.url }, "operators are answered");
}

/** What the services share: RPC without a network, the event log, who checks tokens. */
async function startShared(
  config: ParleyConfig,
  { logger, stack }: StartParleyDeps,
  { metrics, tracer }: Pick<ServiceDeps, "metrics" | "tracer">,
): Promise<ServiceDeps> {
  const rpc = createLocalRpc({ logger });
  stack.add("rpc", () => rpc.close());
  const events = await openEventLog(config.events, { logger, metrics });
  // Below the services: what they publish while they close is still delivered.
  stack.add("event log", () => events.close());
  const verifier = createTokenVerifier({ rpc, issuer: config.issuer, logger, metrics });
  const validator = createValidator();
  const serverKeys = createServerKeyVerifier({ rpc });
  rpc.intercept(createServerInterceptors({ verifier, validator, serverKeys }));
  return { logger, rpc, events, verifier, validator, metrics, tracer };
}

/** Work of the process itself, once those it concerns are there. */
function startWork({ events, verifier }: ServiceDeps, stack: CloseStack, logger: Logger): void {
  const stop = new AbortController();
  // Until the log is closed. Delivery that ends by itself is an uncaught error: nobody would be told anything any more.
  void events.run(new AbortController().signal);
  const following = runForever("revocations", (signal) => verifier.run(signal), stop.signal, logger);
  stack.add("revocations", async () => {
    stop.abort();
    await following;
  });
}
