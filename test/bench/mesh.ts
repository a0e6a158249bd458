import { startOwnBroker } from "../kafka/test-broker.ts";
import { type MeshOptions, type MeshStack, servicesOnKafka, startMeshOnKafka } from "../mesh-stack.ts";
import type { Person } from "./load.ts";
import { load, type Measurement, medians } from "./measure.ts";
import type { Row } from "./report.ts";
import { measures, people, profilerFlags, type Target } from "./targets.ts";

/**
 * Parley as a mesh on SQLite and one Kafka broker, everything on this machine. There is nothing bare to compare it with;
 * what it costs is told process by process. On a machine with fewer cores than processes each costs the others the
 * content of their caches, so it is measured once with one of each and once with two of those that come in twos.
 */

const perSecond = 5000;
const rooms = 50;
const idleSeconds = 10;
/** A generator that wakes more often takes from the processes what the network would not. */
const tickMs = 5;

/** What runs, besides Kafka. */
interface Topology extends Required<Pick<MeshOptions, "gateways" | "services">> {
  readonly name: string;
}

const topologies: readonly Topology[] = [
  {
    name: "mesh",
    gateways: 1,
    services: { auth: ["auth"], room: ["room"], message: ["message"], delivery: ["delivery"] },
  },
  { name: "two gateways, two of delivery", gateways: 2, services: servicesOnKafka },
];

/** The mesh as one target: its numbers are those of all its processes together. */
interface Mesh extends Target {
  /** CPU time of each process so far, seconds, Kafka's included. */
  cpus(): Map<string, number>;
  /** What Message has committed so far. */
  commits(): Promise<{ batches: number; writes: number }>;
}

export async function meshRows(options: { rounds: number; seconds: number }): Promise<Row[]> {
  const rows: Row[] = [];
  for (const topology of topologies) rows.push(...(await topologyRows(topology, options)));
  return rows;
}

async function topologyRows(
  topology: Topology,
  { rounds, seconds }: { rounds: number; seconds: number },
): Promise<Row[]> {
  const mesh = await startMesh(topology);
  try {
    const idle = await idleCpu(mesh);
    const measured: Record<string, number>[] = [];
    for (let round = 0; round < rounds; round++) measured.push(await measure(mesh, seconds));
    return [...speedRows(topology.name, medians(measured)), ...idle];
  } finally {
    await mesh.stop();
  }
}

async function startMesh({ gateways, services }: Topology): Promise<Mesh> {
  const kafka = await startOwnBroker();
  const stack = await startMeshOnKafka(`kafka://${kafka.broker.address}`, {
    gateways,
    services,
    env: { PARLEY_LOG_LEVEL: "warn", PARLEY_OVERLOAD_TARGET: "250ms", ...profilerEnv() },
  });
  const processes = [...stack.processes].map(([name, { pid }]) => [name, measures(pid)] as const);
  const all = [...processes, ["kafka", measures(kafka.broker.pid)] as const];
  const sum = (of: (process: ReturnType<typeof measures>) => number) =>
    all.reduce((total, [, process]) => total + of(process), 0);
  const sockets = stack.gatewayUrls.map((url) => `${url.replace("http", "ws")}/v1/realtime`);
  return {
    name: "parley",
    url: sockets[0]!,
    async people(count, membersEach) {
      const made = await people(stack.gatewayUrls[0]!, count, membersEach);
      return made.map((person, i): Person => ({ ...person, url: sockets[i % sockets.length]! }));
    },
    cpu: () => sum((process) => process.cpu()),
    rss: () => sum((process) => process.rss()),
    cpus: () => new Map(all.map(([name, process]) => [name, process.cpu()])),
    commits: () => commitsOf(stack),
    async stop() {
      // A profile is written by a process that ends of itself.
      await stack.terminate();
      await stack[Symbol.asyncDispose]();
      await kafka.stop();
    },
  };
}

function profilerEnv(): Record<string, string> {
  const flags = profilerFlags();
  return flags.length > 0 ? { NODE_OPTIONS: flags.join(" ") } : {};
}

async function commitsOf(stack: MeshStack): Promise<{ batches: number; writes: number }> {
  const text = await (await fetch(`${stack.operatorUrls.get("message")}/metrics`)).text();
  const value = (name: string) => Number(new RegExp(`^${name}(?:{.*})? (\\S+)$`, "m").exec(text)?.[1]);
  return { batches: value("parley_commit_batch_size_count"), writes: value("parley_commit_batch_size_sum") };
}

/** Each of the processes with nobody connected, in thousandths of a core. */
async function idleCpu(mesh: Mesh): Promise<Row[]> {
  const before = mesh.cpus();
  await new Promise((resolve) => setTimeout(resolve, idleSeconds * 1000));
  return [...mesh.cpus()].map(([name, cpu], i) => ({
    what: `${i === 0 ? "idle CPU of " : "  "}${name}`,
    unit: "mcores",
    parley: ((cpu - before.get(name)!) / idleSeconds) * 1000,
  }));
}

async function measure(mesh: Mesh, seconds: number): Promise<Record<string, number>> {
  const alone = await mesh.people(rooms, 1);
  const closed = await load(mesh, {
    kind: "throughput",
    url: mesh.url,
    people: alone,
    inFlight: 1600,
    seconds,
  });
  const steady = await steadily(mesh, alone, seconds);
  const pairs = await steadily(mesh, await mesh.people(rooms, 2), seconds);
  const row: Record<string, number> = {
    capacity: closed.count / closed.seconds,
    capacityP99: closed.p99,
    delivered: steady.count / steady.seconds,
    p50: steady.p50,
    p99: steady.p99,
    batch: steady.batch,
    pairsDelivered: pairs.count / pairs.seconds,
    pairsP99: pairs.p99,
  };
  for (const [name, share] of steady.shares) row[`cpu of ${name}`] = share;
  return row;
}

/** Posts at the rate of the budget; what each process took per message, and how many writes a batch had. */
async function steadily(
  mesh: Mesh,
  members: Person[],
  seconds: number,
): Promise<Measurement & { batch: number; shares: Map<string, number> }> {
  const [cpus, commits] = [mesh.cpus(), await mesh.commits()];
  const result = await load(mesh, {
    kind: "latency",
    url: mesh.url,
    people: members,
    perSecond,
    tickMs,
    seconds,
  });
  const after = await mesh.commits();
  const writes = after.writes - commits.writes;
  const shares = [...mesh.cpus()].map(
    ([name, cpu]) => [name, ((cpu - cpus.get(name)!) / writes) * 1e6] as const,
  );
  return { ...result, batch: writes / (after.batches - commits.batches), shares: new Map(shares) };
}

function speedRows(name: string, row: Readonly<Record<string, number>>): Row[] {
  const rate = { text: `>= ${perSecond.toLocaleString("en")}`, met: row.delivered! >= perSecond * 0.99 };
  const inOrder = Object.keys(row).filter((key) => key.startsWith("cpu of "));
  return [
    { what: `${name}: durable acks, 1,600 in flight`, unit: "1/s", parley: row.capacity! },
    { what: "  p99", unit: "ms", parley: row.capacityP99! },
    {
      what: `${name}: delivered of ${perSecond.toLocaleString("en")}/s`,
      unit: "1/s",
      parley: row.delivered!,
      budget: rate,
    },
    { what: "  send to receipt, p50", unit: "ms", parley: row.p50! },
    { what: "  p99", unit: "ms", parley: row.p99!, budget: { text: "<= 100 ms", met: row.p99! <= 100 } },
    { what: "  writes in a batch", unit: "", parley: row.batch! },
    ...inOrder.map((key) => ({ what: `  ${key}, a message`, unit: "us", parley: row[key]! })),
    {
      what: `${name}: the same to two people in each room`,
      unit: "1/s",
      parley: row.pairsDelivered!,
    },
    { what: "  p99", unit: "ms", parley: row.pairsP99! },
  ];
}
