import type { WatchResponse } from "#gen/parley/internal/v1/delivery_service_pb.js";
import type { Tracer } from "../../services/common/tracing.ts";
import type { Hub } from "./hub.ts";

/**
 * Begins a span for each traced event of a batch, before the hub gets it. Answers how to end them, to be called once the
 * sockets have been written to; undefined if none is traced.
 */
export function traceFanOut(
  tracer: Tracer,
  hub: Pick<Hub, "room">,
  { traces }: Pick<WatchResponse, "traces">,
): (() => void) | undefined {
  if (traces.length === 0) return undefined;
  const spans = traces.map(({ roomId, seq, traceparent }) =>
    tracer.start("gateway fan-out", {
      parent: traceparent,
      kind: "consumer",
      attributes: {
        "parley.room_id": roomId,
        "parley.seq": Number(seq),
        "parley.connections": hub.room(roomId)?.live.size ?? 0,
      },
    }),
  );
  return () => {
    for (const span of spans) span?.end();
  };
}
