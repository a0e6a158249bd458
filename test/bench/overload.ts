import type { Person } from "./load.ts";
import { load, medians } from "./measure.ts";
import type { Row } from "./report.ts";
import type { Target } from "./targets.ts";

/** How many connections share what is offered, and how many times capacity that is. */
const overloads = [
  { connections: 50, factors: [0.5, 1, 1.5, 2, 3] },
  { connections: 1000, factors: [1, 3] },
];
const deadlineMs = 1000;

/** How many sends are acked within the deadline when more are offered than Parley can do: capacity is its closed loop. */
export async function overloadRows(
  target: Target,
  { rounds, seconds }: { rounds: number; seconds: number },
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { connections, factors } of overloads) {
    const people = await target.people(connections, 1);
    const measured: Record<string, number>[] = [];
    for (let round = 0; round < rounds; round++)
      measured.push(await measure(target, people, { factors, seconds }));
    rows.push(...rowsOf(connections, factors, medians(measured)));
  }
  return rows;
}

async function measure(
  target: Target,
  people: Person[],
  { factors, seconds }: { factors: readonly number[]; seconds: number },
): Promise<Record<string, number>> {
  const { url } = target;
  const closed = await load(target, { kind: "throughput", url, people, inFlight: 1600, seconds });
  const capacity = closed.count / closed.seconds;
  const row: Record<string, number> = { capacity };
  for (const factor of factors) {
    const perSecond = Math.round(capacity * factor);
    const open = { kind: "overload", url, people, perSecond, deadlineMs, warmupSeconds: 2, seconds } as const;
    const { count, p99, openLoop } = await load(target, open);
    row[factor] = count / seconds;
    Object.assign(row, { p99, generator: openLoop?.cores ?? 0, lag: openLoop?.lag ?? 0 });
  }
  return row;
}

function rowsOf(
  connections: number,
  factors: readonly number[],
  row: Readonly<Record<string, number>>,
): Row[] {
  const worst = factors.at(-1)!;
  const met = row[worst]! >= 0.9 * Math.max(...factors.map((factor) => row[factor]!));
  return [
    { what: `capacity, 1,600 in flight over ${connections}`, unit: "1/s", parley: row.capacity! },
    ...factors.map((factor) => ({
      what: `goodput at ${factor} x capacity`,
      unit: "1/s",
      parley: row[factor]!,
      ...(factor === worst && { budget: { text: ">= 0.9 of the peak", met } }),
    })),
    { what: "  p99 of those", unit: "ms", parley: row.p99! },
    { what: "  sends left late by, p99", unit: "ms", parley: row.lag! },
    { what: "  CPU of the load generator", unit: "cores", parley: row.generator! },
  ];
}
