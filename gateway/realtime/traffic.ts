import type { Metrics, Sample } from "../../services/common/metrics.ts";
import type { CloseCause } from "./close-codes.ts";
import type { Connection } from "./connection.ts";
import type { SignalSender } from "./signals.ts";

/** What all connections together have come to: plain numbers, counted where it happens. */
export interface Traffic {
  opened: number;
  /** By code and reason. */
  readonly closed: Map<string, { readonly labels: Readonly<Record<string, string>>; value: number }>;
  /** Bytes written to connections that have ended. */
  bytesOfEnded: number;
  /** Frames of clients, by kind. */
  readonly received: Map<string, number>;
  /** Events and feed entries handed to connections. */
  deliveries: number;
  /** Times that a connection became slow. */
  slowed: number;
  gaps: number;
  catchUpPages: number;
  /** Signals that a slow connection went without. */
  signalsWithheld: number;
}

export function createTraffic(): Traffic {
  return {
    opened: 0,
    closed: new Map(),
    bytesOfEnded: 0,
    received: new Map(),
    deliveries: 0,
    slowed: 0,
    gaps: 0,
    catchUpPages: 0,
    signalsWithheld: 0,
  };
}

/** Codes that clients, and the WebSocket layer, close with; programs may send any of thousands. */
const knownCodes = [1000, 1001, 1006, 1009];

/** Counts a connection that has ended: by us for a cause, or else with this code. */
export function countClosed(traffic: Traffic, cause: CloseCause | undefined, code: number): void {
  const known = cause?.code ?? (knownCodes.includes(code) ? code : "other");
  const labels = { code: String(known), reason: cause?.reason ?? "CLIENT" };
  const key = `${labels.code} ${labels.reason}`;
  const entry = traffic.closed.get(key);
  if (entry) entry.value += 1;
  else traffic.closed.set(key, { labels, value: 1 });
}

/** Shows it, and what the connections are at the moment. */
export function showTraffic(
  metrics: Metrics,
  deps: { traffic: Traffic; connections: ReadonlySet<Connection>; signals: Pick<SignalSender, "dropped"> },
): void {
  const { traffic, connections, signals } = deps;
  const openConnections = createOpenCount(connections);
  const sum = (of: (connection: Connection) => number) => {
    let total = 0;
    for (const connection of connections) total += of(connection);
    return total;
  };
  metrics.gauge({
    name: "parley_connections",
    help: "Open realtime connections, those without a hello included.",
    read: openConnections,
  });
  metrics.counter({
    name: "parley_connections_opened_total",
    help: "Realtime connections that were opened.",
    read: () => traffic.opened,
  });
  metrics.counter({
    name: "parley_connections_closed_total",
    help: "Realtime connections that ended, by close code and reason; CLIENT if not by the server.",
    read: () => traffic.closed.values(),
  });
  metrics.counter({
    name: "parley_frames_received_total",
    help: "Frames of clients, by kind.",
    *read() {
      for (const [kind, value] of traffic.received) yield { labels: { kind }, value };
    },
  });
  metrics.counter({
    name: "parley_deliveries_total",
    help: "Timeline events and feed entries handed to connections, one for each connection.",
    read: () => traffic.deliveries,
  });
  metrics.counter({
    name: "parley_connection_bytes_sent_total",
    help: "Bytes written to realtime connections.",
    read: () => traffic.bytesOfEnded + sum(({ sink }) => sink.written),
  });
  metrics.gauge({
    name: "parley_connection_bytes_unsent",
    help: "Bytes written to realtime connections that the kernel has not taken.",
    read: () => sum(({ sink }) => sink.unsent),
  });
  metrics.gauge({
    name: "parley_slow_connections",
    help: "Connections that are not pushed to at the moment, because they don't take what was sent.",
    read: () => sum(({ slow }) => Number(slow)),
  });
  metrics.counter({
    name: "parley_connections_slowed_total",
    help: "Times that a connection became slow.",
    read: () => traffic.slowed,
  });
  metrics.gauge({
    name: "parley_catching_up_connections",
    help: "Connections that are being brought up from the logs.",
    read: () => sum(({ catchingUp }) => Number(catchingUp)),
  });
  metrics.counter({
    name: "parley_catch_up_pages_total",
    help: "Pages of logs that connections were brought up with.",
    read: () => traffic.catchUpPages,
  });
  metrics.counter({
    name: "parley_gaps_total",
    help: "Gap frames: connections that have to fetch what they missed.",
    read: () => traffic.gaps,
  });
  metrics.counter({
    name: "parley_signals_dropped_total",
    help: "Signals (typing) that were dropped, by where.",
    read: () => [
      { labels: { where: "slow_connection" }, value: traffic.signalsWithheld },
      { labels: { where: "gateway" }, value: signals.dropped },
    ],
  });
}

/** Kinds that there once were stay, at 0 when the last has ended: a series that ends says nothing. */
function createOpenCount(connections: ReadonlySet<Connection>): () => Iterable<Sample> {
  const counts = new Map<string, { labels: Record<string, string>; value: number }>();
  return () => {
    for (const entry of counts.values()) entry.value = 0;
    for (const { sink } of connections) {
      const key = `${sink.surface} ${sink.format}`;
      const entry = counts.get(key);
      if (entry) entry.value += 1;
      else counts.set(key, { labels: { surface: sink.surface, format: sink.format }, value: 1 });
    }
    return counts.values();
  };
}
