import { closeCauses } from "./close-codes.ts";
import type { Connection } from "./connection.ts";

/**
 * Heartbeats and deadlines of all connections on one timer: a timer per connection would cost more memory than the
 * connection itself.
 *
 * Connections are spread over as many groups as the interval has seconds; each second one group is pinged, and those
 * that were silent for two intervals are closed. Deadlines (a hello that doesn't come, a token that ends) lie in buckets
 * of one second and are checked when due: who was given a later end meanwhile is put there.
 */
export interface ConnectionTimers {
  add(connection: Connection): void;
  remove(connection: Connection): void;
  /** Looks at the connection again at `at` (ms, rounded up to the second), and no longer when asked for before. */
  checkAt(connection: Connection, at: number): void;
  close(): void;
}

export function createConnectionTimers(deps: {
  heartbeatMs: number;
  helloTimeoutMs: number;
  now?: () => number;
}): ConnectionTimers {
  const now = deps.now ?? Date.now;
  const tickMs = Math.min(1000, deps.heartbeatMs);
  const groups = Array.from(
    { length: Math.max(1, Math.round(deps.heartbeatMs / tickMs)) },
    () => new Set<Connection>(),
  );
  const groupOf = new WeakMap<Connection, Set<Connection>>();
  const due = new Map<number, Set<Connection>>();
  /** The bucket that a connection is in: one at most, so that one that has gone is not held by an old deadline. */
  const bucketOf = new WeakMap<Connection, number>();
  let next = 0;
  let turn = 0;
  let checked = Math.floor(now() / tickMs);

  function forgetDue(connection: Connection): void {
    const bucket = bucketOf.get(connection);
    if (bucket === undefined) return;
    bucketOf.delete(connection);
    const those = due.get(bucket);
    if (those?.delete(connection) && those.size === 0) due.delete(bucket);
  }

  function checkAt(connection: Connection, at: number): void {
    forgetDue(connection);
    const bucket = Math.max(Math.ceil(at / tickMs), checked + 1);
    bucketOf.set(connection, bucket);
    const those = due.get(bucket);
    if (those) those.add(connection);
    else due.set(bucket, new Set([connection]));
  }

  function check(connection: Connection): void {
    if (connection.closed) return;
    if (!connection.ready) {
      if (!connection.helloStarted) connection.close(closeCauses.helloLate);
      else checkAt(connection, now() + deps.helloTimeoutMs);
    } else if (connection.expiresAt <= now()) {
      connection.close(closeCauses.tokenExpired);
    } else {
      checkAt(connection, connection.expiresAt);
    }
  }

  function heartbeat(connection: Connection): void {
    if (connection.closed) return;
    // Two intervals without a sign: pinged twice, neither answered.
    if (connection.silent >= 2) connection.close(closeCauses.noHeartbeat);
    else {
      connection.silent++;
      connection.sink.ping();
    }
  }

  const timer = setInterval(() => {
    for (const connection of groups[turn] ?? []) heartbeat(connection);
    turn = (turn + 1) % groups.length;
    for (const current = Math.floor(now() / tickMs); checked < current; ) {
      const those = due.get(++checked);
      due.delete(checked);
      for (const connection of those ?? []) check(connection);
    }
  }, tickMs);

  return {
    add(connection) {
      const group = groups[next] as Set<Connection>;
      next = (next + 1) % groups.length;
      group.add(connection);
      groupOf.set(connection, group);
      checkAt(connection, now() + deps.helloTimeoutMs);
    },
    remove(connection) {
      groupOf.get(connection)?.delete(connection);
      forgetDue(connection);
    },
    checkAt,
    close: () => clearInterval(timer),
  };
}
