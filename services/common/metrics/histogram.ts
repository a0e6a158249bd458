import type { Sample } from "./text.ts";

export interface Histogram {
  observe(value: number): void;
}

export interface ReadableHistogram extends Histogram {
  /** As Prometheus counts: each bucket with all that is below its bound. */
  samples(labels: Readonly<Record<string, string>>): Iterable<Sample>;
}

/** `bounds` rise. Observing costs a few comparisons, and no memory. */
export function createHistogram(bounds: readonly number[]): ReadableHistogram {
  /** Of each bucket alone, and last of what is above all bounds. */
  const counts = new Array<number>(bounds.length + 1).fill(0);
  let sum = 0;

  return {
    observe(value) {
      let bucket = 0;
      while (bucket < bounds.length && value > bounds[bucket]!) bucket++;
      counts[bucket]! += 1;
      sum += value;
    },
    *samples(labels) {
      let count = 0;
      for (const [bucket, own] of counts.entries()) {
        count += own;
        const le = bucket < bounds.length ? String(bounds[bucket]) : "+Inf";
        yield { suffix: "_bucket", labels: { ...labels, le }, value: count };
      }
      yield { suffix: "_sum", labels, value: sum };
      yield { suffix: "_count", labels, value: count };
    },
  };
}
