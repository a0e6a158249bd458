import {
  type Context,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import type { Logger } from "pino";
import { parseTraceparent, type Span, type SpanInit, type Tracer } from "../tracing.ts";
import { watchExporter } from "./watched-exporter.ts";

export interface TracingConfig {
  /** Where spans are sent by OTLP over HTTP. */
  readonly url: string;
  /** Which part is traced of what no trusted proxy traces itself, 0 to 1. */
  readonly sample: number;
}

export interface Tracing extends Tracer {
  /** Sends what is left. Resolves after some seconds at the latest, also if nobody takes it. */
  close(): Promise<void>;
}

const exportTimeoutMs = 3_000;
const kinds = {
  server: SpanKind.SERVER,
  internal: SpanKind.INTERNAL,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

/**
 * The OpenTelemetry realisation; loaded only where traces are configured. Sampling is decided before the SDK is asked,
 * since even its spans that record nothing cost more than a random number. Spans that the collector doesn't take in time
 * are dropped; nobody waits for it.
 */
export function createTracing(
  { url, sample }: TracingConfig,
  { version, logger, random = Math.random }: { version: string; logger: Logger; random?: () => number },
): Tracing {
  const exporter = watchExporter(new OTLPTraceExporter({ url, timeoutMillis: exportTimeoutMs }), logger);
  const processor = new BatchSpanProcessor({
    exporter,
    scheduledDelayMillis: 1_000,
    exportTimeoutMillis: exportTimeoutMs,
  });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ "service.name": "parley", "service.version": version }),
    spanProcessors: [processor],
  });
  const tracer = provider.getTracer("parley", version);

  function begin(
    name: string,
    { links = [], kind = "internal", attributes }: SpanInit,
    context: Context,
  ): Span {
    const contexts = links.map(spanContextOf).filter((link) => link !== undefined);
    const span = tracer.startSpan(
      name,
      {
        kind: kinds[kind],
        links: contexts.map((linked) => ({ context: linked })),
        ...(attributes && { attributes }),
      },
      context,
    );
    const { traceId, spanId } = span.spanContext();
    return {
      traceId,
      traceparent: `00-${traceId}-${spanId}-01`,
      end(failure) {
        if (failure !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: failure });
        span.end();
      },
    };
  }

  return {
    enter(name, init = {}) {
      const parent = spanContextOf(init.parent);
      // A stranger may ask for less than our part, not for more.
      const isWished = parent === undefined || parent.traceFlags === 1;
      const isTraced = isWished && ((parent !== undefined && init.trusted) || random() < sample);
      return isTraced ? begin(name, init, contextOf(parent)) : undefined;
    },
    start(name, init) {
      const parent = spanContextOf(init.parent);
      return parent?.traceFlags === 1 ? begin(name, init, contextOf(parent)) : undefined;
    },
    close() {
      exporter.leave();
      return provider
        .shutdown()
        .catch((err: unknown) => logger.warn({ err }, "the last traces were not taken"));
    },
  };
}

function spanContextOf(traceparent: string | undefined): SpanContext | undefined {
  const parsed = parseTraceparent(traceparent);
  if (parsed === undefined) return undefined;
  const { traceId, spanId, sampled } = parsed;
  return { traceId, spanId, traceFlags: sampled ? 1 : 0, isRemote: true };
}

function contextOf(parent: SpanContext | undefined): Context {
  return parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
}
