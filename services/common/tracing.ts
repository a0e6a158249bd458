/**
 * Spans of what a message or a call goes through, from process to process and through the event log. What connects them
 * is W3C's `traceparent`, a string, which travels as a header, in a record, or in an item of a stream.
 *
 * Where it begins it is decided whether it is traced; whoever comes later traces what has a traceparent and nothing
 * else. So what is not traced costs one comparison with undefined, and a process without tracing has no Tracer.
 */
export interface Tracer {
  /**
   * Where something enters: goes on with the client's trace, or begins one, if it is to be traced. Whether that is so
   * strangers don't decide, or they would choose how much is recorded. A malformed traceparent is as good as none.
   */
  enter(name: string, init?: EntrySpanInit): Span | undefined;
  /** Part of something that is traced; nothing if it isn't. */
  start(name: string, init: SpanInit & { parent: string | undefined }): Span | undefined;
}

export interface SpanInit {
  /** A traceparent. */
  readonly parent?: string | undefined;
  /** Traceparents of what it belongs to besides. */
  readonly links?: readonly string[];
  readonly kind?: "server" | "internal" | "producer" | "consumer";
  /** No message text, no tokens. */
  readonly attributes?: Readonly<Record<string, string | number>>;
}

export interface EntrySpanInit extends SpanInit {
  /** Whether the parent's word that it is traced decides; else it may only say that it isn't. */
  readonly trusted?: boolean;
}

export interface Span {
  /** For what comes of it. */
  readonly traceparent: string;
  readonly traceId: string;
  /** Once. With an error's name, such as its code, if it failed. */
  end(failure?: string): void;
}

/** The header, and the name in records of the event log. */
export const traceparentHeader = "traceparent";

export interface TraceContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

/** Reads a W3C traceparent; undefined if it is none. */
export function parseTraceparent(traceparent: string | undefined): TraceContext | undefined {
  const match = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/.exec(
    traceparent ?? "",
  );
  const [, traceId = "", spanId = "", flags = ""] = match ?? [];
  if (match === null || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** Which trace a traceparent is of, for log lines. */
export function traceIdOf(traceparent: string | undefined): string | undefined {
  return parseTraceparent(traceparent)?.traceId;
}
