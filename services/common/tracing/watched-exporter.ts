import type { SpanExporter } from "@opentelemetry/sdk-trace";
import type { Logger } from "pino";

export interface WatchedExporter extends SpanExporter {
  /** From now on whoever ends it says by themselves what was not taken. */
  leave(): void;
}

/** The same exporter; says in the log when the collector begins to take nothing, and when it takes spans again. */
export function watchExporter(exporter: SpanExporter, logger: Logger): WatchedExporter {
  let failing = false;
  let dropped = 0;
  let left = false;

  function failed(spans: number, err: Error | undefined): void {
    dropped += spans;
    if (!failing && !left)
      logger.warn({ err, spans }, "the traces' collector takes nothing, spans are dropped");
    failing = true;
  }

  function taken(): void {
    if (failing && !left) logger.info({ spans: dropped }, "traces are taken again, spans were dropped");
    failing = false;
    dropped = 0;
  }

  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.code === 0) taken();
        else failed(spans.length, result.error);
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
    leave() {
      left = true;
    },
  };
}
