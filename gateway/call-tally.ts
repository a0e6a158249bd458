import { Code } from "@connectrpc/connect";
import { toConnectError } from "../services/common/errors.ts";
import { durationBuckets, type Histogram, type Metrics, type Sample } from "../services/common/metrics.ts";

/** What is counted together: one RPC by one surface. */
export interface CallKind {
  readonly surface: string;
  readonly service: string;
  readonly method: string;
}

/** Counts the calls of one kind. */
export interface CallCount {
  /** Those that began and have not ended. */
  underWay: number;
  /** One has ended, with OK if there is no error. Without a duration it never got as far as its handler. */
  ended(code: Code | undefined, seconds: number | undefined): void;
}

/** Rate, errors and durations of the calls that come in, per RPC and surface. */
export interface CallTally {
  /** Made at the first call of its kind, and to be kept by who counts often. */
  of(kind: CallKind): CallCount;
}

export function createCallTally(metrics: Metrics): CallTally {
  const kinds = new Map<string, CallCount & { readonly samples: () => Iterable<Sample> }>();

  metrics.counter({
    name: "parley_requests_total",
    help: "Calls that were answered, by RPC, surface and code; operations of WebSockets by their frame's kind.",
    *read() {
      for (const { samples } of kinds.values()) yield* samples();
    },
  });
  metrics.gauge({
    name: "parley_requests_in_flight",
    help: "Calls that are being answered, streams included.",
    *read() {
      const bySurface = new Map<string, number>();
      for (const [key, { underWay }] of kinds) {
        const surface = key.slice(0, key.indexOf(" "));
        bySurface.set(surface, (bySurface.get(surface) ?? 0) + underWay);
      }
      for (const [surface, value] of bySurface) yield { labels: { surface }, value };
    },
  });

  return {
    of(kind) {
      const key = `${kind.surface} ${kind.service} ${kind.method}`;
      const known = kinds.get(key);
      if (known) return known;
      const created = createCallCount(kind, metrics);
      kinds.set(key, created);
      return created;
    },
  };
}

function createCallCount({ surface, service, method }: CallKind, metrics: Metrics) {
  const labels = { surface, service, method };
  /** By code; 0 is OK. */
  const counts = new Map<number, number>();
  let durations: Histogram | undefined;
  const measure = () =>
    metrics.histogram({
      name: "parley_request_duration_seconds",
      help: "How long calls took from when they were decoded to their answer, streams apart.",
      labels,
      buckets: durationBuckets,
    });
  return {
    underWay: 0,
    ended(code: Code | undefined, seconds: number | undefined) {
      counts.set(code ?? 0, (counts.get(code ?? 0) ?? 0) + 1);
      if (seconds === undefined) return;
      durations ??= measure();
      durations.observe(seconds);
    },
    *samples(): Generator<Sample> {
      for (const [code, value] of counts) yield { labels: { ...labels, code: codeName(code) }, value };
    },
  };
}

/** A code as gRPC and google.rpc.Status name it. */
export function codeName(code: Code | 0 | undefined): string {
  if (!code) return "OK";
  if (code === Code.Canceled) return "CANCELLED";
  return Code[code].replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}

export function codeOf(error: unknown): Code {
  return toConnectError(error).code;
}
