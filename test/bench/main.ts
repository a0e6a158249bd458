/**
 * `npm run bench`: Parley in one process against a bare loop in the same run, on the same machine, by the same load
 * generator. Each is measured several times in turn and the median counts, since one machine's disk and neighbours vary
 * more from second to second than the two differ. Prints a table and keeps the numbers in test/bench/results/.
 */
import { parseArgs } from "node:util";
import { load, medians } from "./measure.ts";
import { meshRows } from "./mesh.ts";
import { overloadRows } from "./overload.ts";
import { keepResults, printTable, type Row } from "./report.ts";
import { startBare, startParley, type Target } from "./targets.ts";

const help = `usage: npm run bench -- [options]

  --rows <a,b>    only these: acks, latency, fanout, idle, overload (all by default), mesh (needs Java and Maven)
  --seconds <n>   how long each is measured (default 4)
  --rounds <n>    how often; the median counts (default 3)
  --help

PARLEY_BENCH_PROFILE=<folder> writes CPU profiles of Parley there.`;

const { values: options } = parseArgs({
  options: {
    rows: { type: "string", default: "acks,latency,fanout,idle,overload" },
    seconds: { type: "string", default: "4" },
    rounds: { type: "string", default: "3" },
    help: { type: "boolean", default: false },
  },
});
const seconds = Number(options.seconds);
const rounds = Number(options.rounds);

/** Servers under comparison, and what was measured of each. */
interface Pair<T> {
  bare: T;
  parley: T;
}

/** Measures both in turn, `rounds` times; the median of each number. */
async function compare<K extends string>(
  targets: Pair<Target>,
  measure: (target: Target) => Promise<Record<K, number>>,
): Promise<Pair<Record<K, number>>> {
  const bare: Record<K, number>[] = [];
  const parley: Record<K, number>[] = [];
  for (let round = 0; round < rounds; round++) {
    bare.push(await measure(targets.bare));
    parley.push(await measure(targets.parley));
  }
  return { bare: medians(bare), parley: medians(parley) };
}

async function acks(targets: Pair<Target>): Promise<Row[]> {
  const rows: Row[] = [];
  for (const inFlight of [1, 20, 200, 1600]) {
    const connections = Math.min(inFlight, 50);
    const { bare, parley } = await compare(targets, async (target) => {
      const people = await target.people(connections, 1);
      const result = await load(target, { kind: "throughput", url: target.url, people, inFlight, seconds });
      return { rate: result.count / result.seconds, p50: result.p50, p99: result.p99 };
    });
    rows.push({
      what: `durable acks, ${inFlight} in flight`,
      unit: "1/s",
      bare: bare.rate,
      parley: parley.rate,
      budget: { text: "ratio >= 0.6", met: parley.rate / bare.rate >= 0.6 },
    });
    const lone = { text: "<= 1 ms", met: parley.p50 <= 1 };
    rows.push({
      what: "  p50",
      unit: "ms",
      bare: bare.p50,
      parley: parley.p50,
      ...(inFlight === 1 && { budget: lone }),
    });
    rows.push({ what: "  p99", unit: "ms", bare: bare.p99, parley: parley.p99 });
  }
  return rows;
}

async function latency(targets: Pair<Target>): Promise<Row[]> {
  const { bare, parley } = await compare(targets, async (target) => {
    const people = await target.people(10, 10);
    const result = await load(target, { kind: "latency", url: target.url, people, perSecond: 1000, seconds });
    return {
      p50: result.p50,
      p99: result.p99,
      rate: result.count / result.seconds,
      cores: result.cpu / result.seconds,
    };
  });
  const row = (what: string, unit: string, key: keyof typeof bare, budget?: Row["budget"]): Row => ({
    what,
    unit,
    bare: bare[key],
    parley: parley[key],
    ...(budget && { budget }),
  });
  return [
    row("send to receipt, 1,000/s x 10 members, p50", "ms", "p50", {
      text: "<= 10 ms",
      met: parley.p50 <= 10,
    }),
    row("  p99", "ms", "p99", { text: "<= 50 ms", met: parley.p99 <= 50 }),
    row("  deliveries", "1/s", "rate"),
    row("  CPU", "cores", "cores"),
  ];
}

async function fanout(targets: Pair<Target>): Promise<Row[]> {
  const { bare, parley } = await compare(targets, async (target) => {
    const people = await target.people(1, 1000);
    const result = await load(target, { kind: "fanout", url: target.url, people, perSecond: 50, seconds });
    return { cpu: (result.cpu / result.count) * 1e6 };
  });
  const met = parley.cpu / bare.cpu <= 1.3;
  const budget = { text: "ratio <= 1.3", met };
  return [
    { what: "CPU per delivery, room of 1,000", unit: "us", bare: bare.cpu, parley: parley.cpu, budget },
  ];
}

async function idle(targets: Pair<Target>): Promise<Row[]> {
  const connections = 4000;
  const of = async (target: Target) => {
    const people = await target.people(1000, connections / 1000);
    const before = target.rss();
    const { rss } = await load(target, { kind: "idle", url: target.url, people });
    return (rss - before) / connections / 1024;
  };
  const bare = await of(targets.bare);
  const parley = await of(targets.parley);
  const budget = { text: "<= 20 KB", met: parley <= 20 };
  return [{ what: "RSS per idle connection, of 4,000", unit: "KB", bare, parley, budget }];
}

const overload = ({ parley }: Pair<Target>) => overloadRows(parley, { rounds, seconds });

const steps = { acks, latency, fanout, idle, overload };
type Step = keyof typeof steps | "mesh";
const isKnown = (name: string): name is Step => name === "mesh" || Object.hasOwn(steps, name);

/** Fresh servers for each, so that one row's data and memory are not another's. */
async function rowsOf(name: Step): Promise<Row[]> {
  if (name === "mesh") return meshRows({ rounds, seconds });
  const targets = { bare: await startBare(), parley: await startParley() };
  try {
    return await steps[name](targets);
  } finally {
    await Promise.all([targets.bare.stop(), targets.parley.stop()]);
  }
}

async function run(wanted: readonly Step[]): Promise<void> {
  const rows: Row[] = [];
  for (const name of wanted) {
    rows.push(...(await rowsOf(name)));
    console.error(`measured: ${name}`);
  }
  printTable(rows);
  console.log(`kept in ${keepResults(rows, { seconds, rounds })}`);
  if (rows.some((row) => row.budget?.met === false)) process.exitCode = 1;
}

const wanted = options.rows.split(",");
if (options.help) {
  console.log(help);
} else if (!wanted.every(isKnown) || !(seconds > 0) || !(rounds >= 1)) {
  console.error(help);
  process.exitCode = 2;
} else {
  await run(wanted);
}
