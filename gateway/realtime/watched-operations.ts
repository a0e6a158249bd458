import type { Code } from "@connectrpc/connect";
import type { Logger } from "pino";
import type { Status } from "#gen/google/rpc/status_pb.js";
import { RealtimeService } from "#gen/parley/realtime/v1/realtime_service_pb.js";
import { type CallCount, type CallTally, codeName } from "../call-tally.ts";
import type { Connection } from "./connection.ts";

/**
 * Counts and measures the operations of connections, and at level debug logs a line for each. Called when one begins;
 * answers what to call with its outcome, or undefined when nobody wants to know.
 */
export type WatchOperation = (
  connection: Connection,
  kind: string,
) => ((error: Pick<Status, "code"> | undefined) => void) | undefined;

export function createOperationWatch(deps: { logger: Logger; tally: CallTally | undefined }): WatchOperation {
  const { logger, tally } = deps;
  const counts = new Map<string, CallCount>();
  const logs = logger.isLevelEnabled("debug");
  if (tally === undefined && !logs) return () => undefined;

  function countOf(kind: string): CallCount | undefined {
    const known = counts.get(kind);
    if (known || !tally) return known;
    const count = tally.of({ surface: "websocket", service: RealtimeService.typeName, method: kind });
    counts.set(kind, count);
    return count;
  }

  return (connection, kind) => {
    const started = performance.now();
    const count = countOf(kind);
    if (count) count.underWay += 1;
    return (error) => {
      const ms = performance.now() - started;
      const code: Code | undefined = error?.code;
      if (count) {
        count.underWay -= 1;
        count.ended(code, ms / 1000);
      }
      if (!logs) return;
      const durationMs = Math.round(ms * 100) / 100;
      const { id: connectionId } = connection;
      logger.debug(
        { surface: "websocket", method: kind, code: codeName(code), durationMs, connectionId },
        "call",
      );
    };
  };
}
