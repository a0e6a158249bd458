import type { Code } from "@connectrpc/connect";
import type { Logger } from "pino";
import type { Status } from "#gen/google/rpc/status_pb.js";
import { RealtimeService } from "#gen/parley/realtime/v1/realtime_service_pb.js";
import type { Tracer } from "../../services/common/tracing.ts";
import { type CallCount, type CallTally, codeName } from "../call-tally.ts";
import type { Connection } from "./connection.ts";

/**
 * Counts and measures the operations of connections, and at level debug logs a line for each. Called when one begins;
 * answers what to tell its outcome, or undefined when nobody wants to know.
 */
export type WatchOperation = (
  connection: Connection,
  kind: string,
  roomId: string,
) => WatchedOperation | undefined;

export interface WatchedOperation {
  /** W3C trace context for what comes of it, if it is traced. */
  readonly traceparent: string | undefined;
  ended(error: Pick<Status, "code"> | undefined): void;
}

export interface OperationWatchDeps {
  logger: Logger;
  tally: CallTally | undefined;
  tracer: Tracer | undefined;
}

export function createOperationWatch({ logger, tally, tracer }: OperationWatchDeps): WatchOperation {
  const counts = new Map<string, CallCount>();
  const logs = logger.isLevelEnabled("debug");
  if (tally === undefined && tracer === undefined && !logs) return () => undefined;

  function countOf(kind: string): CallCount | undefined {
    const known = counts.get(kind);
    if (known || !tally) return known;
    const count = tally.of({ surface: "websocket", service: RealtimeService.typeName, method: kind });
    counts.set(kind, count);
    return count;
  }

  function enter(connection: Connection, kind: string, roomId: string) {
    const attributes = {
      "parley.surface": "websocket",
      "parley.connection_id": connection.id,
      "parley.room_id": roomId,
    };
    return tracer?.enter(`websocket ${kind}`, { kind: "server", attributes });
  }

  return (connection, kind, roomId) => {
    const span = enter(connection, kind, roomId);
    const started = performance.now();
    const count = countOf(kind);
    if (count) count.underWay += 1;
    const ended = (error: Pick<Status, "code"> | undefined) => {
      const ms = performance.now() - started;
      const code: Code | undefined = error?.code;
      span?.end(code && codeName(code));
      if (count) {
        count.underWay -= 1;
        count.ended(code, ms / 1000);
      }
      if (!logs) return;
      const durationMs = Math.round(ms * 100) / 100;
      const call = { surface: "websocket", method: kind, code: codeName(code), durationMs };
      logger.debug({ ...call, connectionId: connection.id, traceId: span?.traceId }, "call");
    };
    return { traceparent: span?.traceparent, ended };
  };
}
