import { create } from "@bufbuild/protobuf";
import { type EventTrace, EventTraceSchema } from "#gen/parley/internal/v1/delivery_service_pb.js";
import type { EventRecord } from "../common/events/event-log.ts";
import { type Span, type Tracer, traceparentHeader } from "../common/tracing.ts";

/** Begins a span for each traced record; undefined if there is none. */
export function traceHandover(
  tracer: Tracer,
  records: readonly EventRecord[],
): { traces: EventTrace[]; ended: () => void } | undefined {
  const spans: Span[] = [];
  const traces: EventTrace[] = [];
  for (const { key, number, headers } of records) {
    if (headers === undefined) continue;
    const parent = headers[traceparentHeader];
    const attributes = { "parley.room_id": key, "parley.seq": Number(number) };
    const span = tracer.start("delivery hand over", { parent, kind: "consumer", attributes });
    if (span === undefined) continue;
    spans.push(span);
    const { traceparent } = span;
    traces.push(create(EventTraceSchema, { roomId: key, seq: BigInt(number), traceparent }));
  }
  if (spans.length === 0) return undefined;
  return {
    traces,
    ended() {
      for (const span of spans) span.end();
    },
  };
}
