/**
 * `npm run bench`: Parley in one process against a bare loop in the same run, on the same machine, by the same load
 * generator. Prints a table and keeps the numbers in test/bench/results/.
 */
import { fork } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { LoadResult, Task } from "./load.ts";
import { startBare, startParley, type Target } from "./targets.ts";

/** One line of the table. */
interface Row {
  what: string;
  unit: string;
  bare: number | undefined;
  parley: number;
  /** Parley to bare, where there is a bare number. */
  ratio: number | undefined;
  budget: string;
  met: boolean;
}

const help = `usage: npm run bench -- [options]

  --rows <a,b>    only these: acks, latency, fanout, idle
  --seconds <n>   how long each is measured (default 5)
  --help

PARLEY_BENCH_PROFILE=<folder> writes a CPU profile of Parley there.`;

const { values: options } = parseArgs({
  options: {
    rows: { type: "string", default: "acks,latency,fanout,idle" },
    seconds: { type: "string", default: "5" },
    help: { type: "boolean", default: false },
  },
});
if (options.help) {
  console.log(help);
  process.exit(0);
}
const seconds = Number(options.seconds);
const wanted = new Set(options.rows.split(","));

/** What the load generator saw, and what the server used meanwhile. */
interface Measurement extends LoadResult {
  cpu: number;
  rss: number;
}

function load(target: Target, task: Task): Promise<Measurement> {
  const child = fork(join(import.meta.dirname, "load.ts"));
  let cpu = 0;
  return new Promise((resolve, reject) => {
    child.on("exit", () => reject(new Error("the load generator died")));
    child.on("message", (message: { started?: boolean; result?: LoadResult; failed?: string }) => {
      if (message.started) {
        cpu = target.cpu();
        if (task.kind === "idle") setTimeout(() => child.send("enough"), 3000);
      } else if (message.failed) {
        reject(new Error(message.failed));
      } else if (message.result) {
        resolve({ ...message.result, cpu: target.cpu() - cpu, rss: target.rss() });
      }
    });
    child.send(task);
  });
}

const rows: Row[] = [];

function add(
  what: string,
  unit: string,
  bare: number | undefined,
  parley: number,
  budget: string,
  met: (ratio: number) => boolean,
) {
  const ratio = bare === undefined ? undefined : parley / bare;
  rows.push({ what, unit, bare, parley, ratio, budget, met: met(ratio ?? parley) });
}

async function acks(bare: Target, parley: Target): Promise<void> {
  for (const inFlight of [1, 20, 200, 1600]) {
    const connections = Math.min(inFlight, 50);
    const of = async (target: Target) => {
      const people = await target.people(connections, 1);
      return load(target, { kind: "throughput", url: target.url, people, inFlight, seconds });
    };
    const base = await of(bare);
    const ours = await of(parley);
    add(
      `durable acks, ${inFlight} in flight`,
      "1/s",
      base.count / base.seconds,
      ours.count / ours.seconds,
      ">= 0.6",
      (r) => r >= 0.6,
    );
    if (inFlight === 1)
      add("ack, one in flight, p50", "ms", base.p50, ours.p50, "<= 1 ms", () => ours.p50 <= 1);
    else add(`ack, ${inFlight} in flight, p99`, "ms", base.p99, ours.p99, "-", () => true);
  }
}

async function latency(bare: Target, parley: Target): Promise<void> {
  const of = async (target: Target) => {
    const people = await target.people(10, 10);
    return load(target, { kind: "latency", url: target.url, people, perSecond: 1000, seconds });
  };
  const base = await of(bare);
  const ours = await of(parley);
  add("send to receipt, 1,000/s x 10, p50", "ms", base.p50, ours.p50, "<= 10 ms", () => ours.p50 <= 10);
  add("send to receipt, 1,000/s x 10, p99", "ms", base.p99, ours.p99, "<= 50 ms", () => ours.p99 <= 50);
  add(
    "deliveries, 1,000/s x 10",
    "1/s",
    base.count / base.seconds,
    ours.count / ours.seconds,
    ">= 0.99",
    (r) => r >= 0.99,
  );
  add("CPU at 1,000/s x 10", "cores", base.cpu / base.seconds, ours.cpu / ours.seconds, "-", () => true);
}

async function fanout(bare: Target, parley: Target): Promise<void> {
  const of = async (target: Target) => {
    const people = await target.people(1, 1000);
    return load(target, { kind: "fanout", url: target.url, people, perSecond: 50, seconds });
  };
  const base = await of(bare);
  const ours = await of(parley);
  const perDelivery = (m: Measurement) => (m.cpu / m.count) * 1e6;
  add(
    "CPU per delivery, room of 1,000",
    "us",
    perDelivery(base),
    perDelivery(ours),
    "<= 1.3",
    (r) => r <= 1.3,
  );
}

async function idle(bare: Target, parley: Target): Promise<void> {
  const connections = 4000;
  const of = async (target: Target) => {
    const people = await target.people(1000, 4);
    const before = target.rss();
    const { rss } = await load(target, { kind: "idle", url: target.url, people });
    return (rss - before) / connections / 1024;
  };
  const base = await of(bare);
  const ours = await of(parley);
  add("RSS per idle connection", "KB", base, ours, "<= 20 KB", () => ours <= 20);
}

function print(): void {
  const cell = (value: number | undefined) =>
    value === undefined ? "-" : value >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(2);
  const table = rows.map((row) => [
    row.what,
    row.unit,
    cell(row.bare),
    cell(row.parley),
    row.ratio === undefined ? "-" : row.ratio.toFixed(2),
    row.budget,
    row.budget === "-" ? "" : row.met ? "met" : "MISSED",
  ]);
  const lines = [["", "unit", "bare", "parley", "ratio", "budget", ""], ...table];
  const widths = (lines[0] as string[]).map((_, i) =>
    Math.max(...lines.map((line) => (line[i] as string).length)),
  );
  for (const line of lines) {
    console.log(
      line
        .map((text, i) => (i < 2 ? text.padEnd(widths[i] as number) : text.padStart(widths[i] as number)))
        .join("  "),
    );
  }
}

const steps = { acks, latency, fanout, idle };
for (const [name, step] of Object.entries(steps)) {
  if (!wanted.has(name)) continue;
  // Fresh servers for each, so that one row's data and memory are not another's.
  const bare = await startBare();
  const parley = await startParley();
  try {
    await step(bare, parley);
  } finally {
    await Promise.all([bare.stop(), parley.stop()]);
  }
  console.error(`measured: ${name}`);
}
print();
const folder = join(import.meta.dirname, "results");
mkdirSync(folder, { recursive: true });
const file = join(folder, `${new Date().toISOString().replace(/[:.]/g, "-")}.json`);
const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version };
writeFileSync(file, `${JSON.stringify({ machine, seconds, rows }, null, 2)}\n`);
