import { collectDefaultMetrics, Registry } from "prom-client";
import { createHistogram, type Histogram } from "./metrics/histogram.ts";
import { type MetricType, metricText, type Sample } from "./metrics/text.ts";

export type { Histogram } from "./metrics/histogram.ts";
export type { Sample } from "./metrics/text.ts";

/**
 * Where components declare what they count and measure, beside the code that does it. A process that serves no metrics
 * has none of it: `metrics?.counter(…)`.
 *
 * Nothing on a hot path pays for it: what is counted is a number of whoever counts, which is read when somebody asks
 * for the metrics; what is measured is one `observe` for a batch or a call, on a histogram kept since the start.
 *
 * Names begin with `parley_`, are in base units (seconds, bytes) and, of counters, end in `_total`. Labels have few
 * values and never ids, addresses or names that people chose.
 *
 * A metric may be declared by several parts under different labels; all of them give the same help. Declared again
 * under the same labels, the later one counts.
 */
export interface Metrics {
  /** A number that only rises. */
  counter(metric: NumberMetric): void;
  /** A number that rises and falls. */
  gauge(metric: NumberMetric): void;
  /** How often what was observed was how large. */
  histogram(metric: HistogramMetric): Histogram;
}

export interface Metric {
  readonly name: string;
  /** One line for people. */
  readonly help: string;
  /** On each of its samples. */
  readonly labels?: Readonly<Record<string, string>>;
}

export interface NumberMetric extends Metric {
  /** The number, or several under labels of their own. */
  readonly read: () => number | Iterable<Sample>;
}

export interface HistogramMetric extends Metric {
  /** Upper bounds, rising; what is above the last counts too. */
  readonly buckets: readonly number[];
}

/** Upper bounds in seconds for what should take milliseconds. */
export const durationBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export interface MetricsRegistry extends Metrics {
  /** Everything as Prometheus' text format has it. */
  text(): Promise<string>;
  readonly contentType: string;
}

interface Family {
  readonly type: MetricType;
  readonly help: string;
  /** By their fixed labels. */
  readonly parts: Map<string, () => Iterable<Sample>>;
}

/**
 * How often the lag of the event loop is looked at. Every look wakes the process, which on a machine that does much else
 * costs about 0.1 ms: at prom-client's own 10 ms, processes with nothing to do took 10 thousandths of a core each.
 */
const eventLoopLookMs = 50;

/** The metrics of one process, those of Node.js and of the process itself included. */
export function createMetrics(): MetricsRegistry {
  const families = new Map<string, Family>();
  const ofProcess = new Registry();
  collectDefaultMetrics({ register: ofProcess, eventLoopMonitoringPrecision: eventLoopLookMs });

  function declare(
    type: MetricType,
    { name, help, labels = {} }: Metric,
    read: () => Iterable<Sample>,
  ): void {
    const family = families.get(name) ?? { type, help, parts: new Map() };
    if (family.type !== type || family.help !== help) throw new Error(`${name} is declared differently`);
    family.parts.set(JSON.stringify(labels), read);
    families.set(name, family);
  }

  function declareNumber(type: MetricType, metric: NumberMetric): void {
    const { labels = {}, read } = metric;
    declare(type, metric, () => {
      const value = read();
      if (typeof value === "number") return [{ labels, value }];
      return Array.from(value, (sample) => ({ ...sample, labels: { ...labels, ...sample.labels } }));
    });
  }

  return {
    counter: (metric) => declareNumber("counter", metric),
    gauge: (metric) => declareNumber("gauge", metric),
    histogram(metric) {
      const histogram = createHistogram(metric.buckets);
      declare("histogram", metric, () => histogram.samples(metric.labels ?? {}));
      return histogram;
    },
    async text() {
      const own = Array.from(families, ([name, { type, help, parts }]) => {
        const samples = [...parts.values()].flatMap((read) => [...read()]);
        return metricText({ name, type, help, samples });
      });
      return [...own, await ofProcess.metrics()].join("\n");
    },
    contentType: ofProcess.contentType,
  };
}
