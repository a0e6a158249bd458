import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { ServiceImpl } from "@connectrpc/connect";
import { DeliveryService } from "#gen/parley/internal/v1/delivery_service_pb.js";
import { MessageInternalService } from "#gen/parley/internal/v1/message_internal_service_pb.js";
import type { RealtimeService } from "#gen/parley/realtime/v1/realtime_service_pb.js";
import { backoffMs, pause } from "../../services/common/backoff.ts";
import { networkOf } from "../../services/common/client-network.ts";
import {
  OverloadedError,
  RateLimitedError,
  toStatus,
  UnavailableError,
} from "../../services/common/errors.ts";
import { newId } from "../../services/common/ids.ts";
import { runForever, type ServiceDeps } from "../../services/common/lifecycle.ts";
import type { RateLimiter } from "../../services/common/rate-limit.ts";
import type { Admission } from "../admission.ts";
import type { CallTally } from "../call-tally.ts";
import { createCatchUp } from "./catch-up.ts";
import { createClientSessions } from "./client-session.ts";
import { type CloseCause, closeCauses } from "./close-codes.ts";
import { Connection, type ConnectionDeps } from "./connection.ts";
import { createDeliveryLinks } from "./delivery-links.ts";
import { traceFanOut } from "./fan-out-trace.ts";
import { createFlusher } from "./flusher.ts";
import type { FrameSink } from "./frame-sink.ts";
import { createHeadWatch } from "./head-watch.ts";
import { createHellos } from "./hello.ts";
import { createHub } from "./hub.ts";
import { createMessageLog } from "./message-log.ts";
import { createDeliveryLag, showLinks } from "./metrics.ts";
import { createShedding } from "./shedding.ts";
import { createSignalSender } from "./signals.ts";
import { createSubscriptions } from "./subscription.ts";
import { createConnectionTimers } from "./timers.ts";
import { countClosed, createTraffic, showTraffic } from "./traffic.ts";
import { createOperationWatch } from "./watched-operations.ts";
import { createRealtimeSocketServer } from "./websocket-server.ts";
import { createWriteRouter } from "./write-router.ts";

export interface RealtimeConfig {
  /** WebSocket pings and streams' heartbeats, and how long silence is borne: two of these. */
  readonly heartbeatMs: number;
  /** How long a connection may take to say hello. */
  readonly helloTimeoutMs: number;
}

export interface RealtimeDeps extends ServiceDeps {
  admission: Admission;
  /** Connections that a network may begin; those that are upgraded were counted. */
  perAddress: RateLimiter;
  /** Counts what connections ask for, along with the calls of other surfaces. */
  tally?: CallTally | undefined;
}

/** The realtime side of the gateway. */
export interface Realtime {
  /** Takes over an upgrade; false if the subprotocol is none of ours. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, address: string): boolean;
  /** The same for clients without a WebSocket. */
  readonly subscriptions: ServiceImpl<typeof RealtimeService>;
  /** Open connections, streams and those without a hello included. */
  readonly connections: number;
  /** Says goodbye to everybody and stops. Resolves when all connections are closed, after some seconds at the latest. */
  close(): Promise<void>;
}

/** Pauses between attempts to reach a service. */
const retry = { firstMs: 20, capMs: 2000 };
const headIntervalMs = 5000;
const disconnectedHeadIntervalMs = 1000;
const headGraceMs = 1000;
const deliverySettleMs = 15_000;
const lingerMs = 10_000;
const giveUpWritesMs = 10_000;
const closeTimeoutMs = 3000;
const reconnectSpreadSeconds = 5;

/** Composes the realtime side: one hub, streams to the replicas of Delivery and Message, and the connections. */
export function startRealtime(config: RealtimeConfig, deps: RealtimeDeps): Realtime {
  const logger = deps.logger.child({ component: "realtime" });
  const stop = new AbortController();
  const backoff = async (attempt: number) => {
    await pause(backoffMs(attempt + 1, retry), stop.signal);
    stop.signal.throwIfAborted();
  };
  const messages = deps.rpc.client(MessageInternalService);
  const log = createMessageLog(messages);
  const connections = new Set<Connection>();
  const bySession = new Map<string, Set<Connection>>();

  const link = createDeliveryLinks({
    replicas: deps.rpc.replicas(DeliveryService),
    received(response) {
      const ended = deps.tracer && traceFanOut(deps.tracer, hub, response);
      hub.receive(response);
      if (ended) setImmediate(ended);
      lag?.received(response);
      if (response.rebalanced) heads.check();
    },
    missed: () => heads.check(),
    backoff,
    settleMs: deliverySettleMs,
    logger,
  });
  const hub = createHub({ link, log, backoff, lingerMs });
  const heads = createHeadWatch({
    hub,
    log,
    connected: () => link.connected,
    logger,
    intervalMs: headIntervalMs,
    disconnectedIntervalMs: disconnectedHeadIntervalMs,
    graceMs: headGraceMs,
  });
  const writes = createWriteRouter({
    replicas: deps.rpc.replicas(MessageInternalService),
    linkId: newId(),
    backoff,
    unavailable: () => toStatus(new UnavailableError("messages can't be written right now, try again")),
    overloaded: () => toStatus(new OverloadedError()),
    giveUpMs: giveUpWritesMs,
    logger,
  });
  const timers = createConnectionTimers(config);
  const traffic = createTraffic();
  const signals = createSignalSender({ delivery: link.any, logger });
  const hellos = createHellos({
    hub,
    writes,
    verifier: deps.verifier,
    heartbeatMs: config.heartbeatMs,
    enterTimeoutMs: config.helloTimeoutMs,
    identified(connection) {
      timers.checkAt(connection, connection.expiresAt);
      const ofSession = bySession.get(connection.sessionId);
      if (ofSession) ofSession.add(connection);
      else bySession.set(connection.sessionId, new Set([connection]));
    },
  });
  const shedding = createShedding(deps.admission);
  const sessions = createClientSessions({
    hellos,
    writes,
    signals,
    watch: createOperationWatch({ logger, tally: deps.tally, tracer: deps.tracer }),
    validator: deps.validator,
    admission: deps.admission,
    shedding,
  });
  const connectionDeps: ConnectionDeps = {
    flusher: createFlusher(),
    catchUp: createCatchUp({ backoff }),
    reconnectSpreadSeconds,
    traffic,
  };

  function forget(connection: Connection, code: number): void {
    connections.delete(connection);
    traffic.bytesOfEnded += connection.sink.written;
    countClosed(traffic, connection.closedFor, code);
    timers.remove(connection);
    hub.leave(connection);
    if (connection.slot > 0) writes.retire(connection.slot);
    const ofSession = bySession.get(connection.sessionId);
    if (ofSession?.delete(connection) && ofSession.size === 0) bySession.delete(connection.sessionId);
    if (connections.size === 0) emptied?.();
  }

  function open(sink: FrameSink, address: string): Connection {
    const connection = new Connection(sink, newId(), address, connectionDeps);
    connections.add(connection);
    traffic.opened += 1;
    timers.add(connection);
    return connection;
  }

  const server = createRealtimeSocketServer({
    logger,
    handlers: {
      opened(sink, address) {
        const connection = open(sink, address);
        if (stopping) connection.close(closeCauses.shuttingDown);
        return connection;
      },
      shed: shedding.shed,
      frame: sessions.handle,
      refused: sessions.refuse,
      closed: forget,
    },
  });
  const subscriptions = createSubscriptions({
    hellos,
    admit(address) {
      if (stopping) throw new UnavailableError("the server is shutting down");
      const wait = deps.perAddress.take(networkOf(address));
      if (wait > 0) throw new RateLimitedError(wait);
    },
    opened: open,
    closed: forget,
  });
  const { metrics } = deps;
  const lag = metrics && createDeliveryLag(metrics);
  if (metrics) {
    showTraffic(metrics, { traffic, connections, signals });
    showLinks(metrics, { hub, link, writes });
  }
  const unlisten = deps.verifier.onRevoked((sessionId) => {
    for (const connection of bySession.get(sessionId) ?? []) connection.close(closeCauses.sessionEnded);
  });
  const loops = [
    runForever("deliveries", link.run, stop.signal, logger),
    runForever("writes", writes.run, stop.signal, logger),
    runForever("head watch", heads.run, stop.signal, logger),
  ];
  let stopping = false;
  let emptied: (() => void) | undefined;

  async function closeAll(cause: CloseCause): Promise<void> {
    if (connections.size === 0) return;
    const all = new Promise<void>((resolve) => {
      emptied = resolve;
    });
    for (const connection of connections) connection.close(cause);
    const timeout = setTimeout(() => {
      for (const connection of connections) connection.sink.terminate();
    }, closeTimeoutMs);
    await all;
    clearTimeout(timeout);
  }

  return {
    upgrade: server.upgrade,
    subscriptions,
    get connections() {
      return connections.size;
    },
    async close() {
      stopping = true;
      unlisten();
      await closeAll(closeCauses.shuttingDown);
      timers.close();
      stop.abort();
      await Promise.all(loops);
      hub.close();
    },
  };
}
