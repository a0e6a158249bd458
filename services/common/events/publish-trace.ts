import { type Span, type Tracer, traceparentHeader } from "../tracing.ts";
import type { EventRecord } from "./event-log.ts";
import type { Topic } from "./topics.ts";

/**
 * Begins a span for the publishing of each traced record, which the records answered name as what they come from;
 * undefined if none is traced. What the sweeper publishes is rendered anew and traced no more.
 */
export function tracePublishing<R extends EventRecord>(
  tracer: Tracer,
  topic: Topic,
  records: readonly R[],
): { records: R[]; ended: () => void } | undefined {
  if (!records.some(({ headers }) => headers !== undefined)) return undefined;
  const spans: Span[] = [];
  const traced = records.map((record) => {
    const parent = record.headers?.[traceparentHeader];
    const attributes = { "messaging.destination.name": topic.name, "parley.seq": Number(record.number) };
    const span = tracer.start("event log publish", { parent, kind: "producer", attributes });
    if (span === undefined) return record;
    spans.push(span);
    return { ...record, headers: { ...record.headers, [traceparentHeader]: span.traceparent } };
  });
  return {
    records: traced,
    ended() {
      for (const span of spans) span.end();
    },
  };
}
