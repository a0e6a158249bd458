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
  /** Looks at the connection again at `at` (ms, rounded up to the second). */
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
  const due = new Map<number, Connection[]>();
  let next = 0;
  let turn = 0;
  let checked = Math.floor(now() / tickMs);

  function checkAt(connection: Connection, at: number): void {
    const bucket = Math.max(Math.ceil(at / tickMs), checked + 1);
    const list = due.get(bucket);
    if (list) list.push(connection);
    else due.set(bucket, [connection]);
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
      const list = due.get(++checked);
      due.delete(checked);
      if (list) for (const connection of list) check(connection);
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
    },
    checkAt,
    close: () => clearInterval(timer),
  };
}
