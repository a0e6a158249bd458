/**
 * The load generator, a process of its own: takes one task by IPC, runs it against whatever server speaks the JSON
 * frames of `/v1/realtime`, and answers with what it saw. It serves the bare loop and Parley alike.
 */
import { type BenchSocket, openBenchSocket } from "./bench-socket.ts";
import { type OpenLoop, type OpenLoopResult, openLoop } from "./open-loop.ts";
import { createPoster, isAck, isAnswer, isRefused, postedNumber } from "./posts.ts";
import { percentile } from "./statistics.ts";

export interface Person {
  token: string;
  roomId: string;
  /** Where they connect, if not where all do. */
  url?: string;
}

export type Task =
  | { kind: "throughput"; url: string; people: Person[]; inFlight: number; seconds: number }
  | { kind: "latency"; url: string; people: Person[]; perSecond: number; tickMs?: number; seconds: number }
  | { kind: "fanout"; url: string; people: Person[]; perSecond: number; tickMs?: number; seconds: number }
  | { kind: "idle"; url: string; people: Person[] }
  | ({ kind: "overload"; url: string; people: Person[] } & OpenLoop);

export interface LoadResult {
  /** Acks, or deliveries, counted. */
  count: number;
  seconds: number;
  p50: number;
  p99: number;
  /** Of a task that tells more. */
  openLoop?: OpenLoopResult;
}

const warmupSeconds = 2;
/** How often what has become due is posted, if the task doesn't say; the wait counts from when it was due. */
const defaultTickMs = 1;

async function open(url: string, person: Person): Promise<BenchSocket> {
  const socket = await openBenchSocket(new URL(url), "parley.v1.json");
  await new Promise<void>((resolve, reject) => {
    socket.onFrame = (data, start, end) => {
      const frame = data.toString("utf8", start, end);
      if (frame.includes('"ready"')) resolve();
      else if (frame.includes('"error"')) reject(new Error(frame));
    };
    socket.send(JSON.stringify({ ref: "hello", hello: { accessToken: person.token } }));
  });
  return socket;
}

/** In waves: a server's accept queue is finite. */
async function openAll(url: string, people: Person[]): Promise<BenchSocket[]> {
  const sockets: BenchSocket[] = [];
  for (let i = 0; i < people.length; i += 50) {
    sockets.push(
      ...(await Promise.all(people.slice(i, i + 50).map((person) => open(person.url ?? url, person)))),
    );
  }
  return sockets;
}

const retryMs = 100;

function failOn(data: Buffer, start: number, end: number): void {
  if (!isAck(data, start)) throw new Error(data.toString("utf8", start, end));
}

async function throughput(task: Task & { kind: "throughput" }): Promise<LoadResult> {
  const sockets = await openAll(task.url, task.people);
  const depth = Math.max(1, Math.round(task.inFlight / sockets.length));
  let count = 0;
  let counting = false;
  const waits: number[] = [];
  let posted = 0;
  sockets.forEach((socket, i) => {
    const post = createPoster(socket, task.people[i]!.roomId);
    const sent: number[] = [];
    const next = () => {
      sent.push(performance.now());
      post(posted++, 1, 1);
    };
    socket.onFrame = (data, start, end) => {
      if (!isAnswer(data, start)) return;
      const since = sent.shift() as number;
      // On a machine that is busy with other work, what is in flight may be too much: the loop goes on with the rest.
      if (!isAck(data, start) && isRefused(data, start, end)) return void setTimeout(next, retryMs);
      failOn(data, start, end);
      if (counting) {
        count++;
        waits.push(performance.now() - since);
      }
      next();
    };
    socket.batch(() => {
      for (let k = 0; k < depth; k++) next();
    });
  });
  await seconds(warmupSeconds);
  counting = true;
  process.send?.({ started: true });
  const from = performance.now();
  await seconds(task.seconds);
  counting = false;
  const took = (performance.now() - from) / 1000;
  return { count, seconds: took, p50: percentile(waits, 0.5), p99: percentile(waits, 0.99) };
}

/** Posts at a fixed rate, whatever comes back, and measures from the intended time of each post to each receipt. */
async function paced(task: Task & { kind: "latency" | "fanout" }, measure: boolean): Promise<LoadResult> {
  const sockets = await openAll(task.url, task.people);
  const waits: number[] = [];
  let count = 0;
  let counting = false;
  const rooms = Map.groupBy(task.people.keys(), (i) => task.people[i]!.roomId);
  const posters = Array.from(rooms, ([roomId, [first]]) => createPoster(sockets[first!]!, roomId));
  const start = performance.now();
  const dueAt = (n: number) => start + (n / task.perSecond) * 1000;
  for (const socket of sockets) {
    socket.onFrame = (data, at, end) => {
      // What is refused isn't delivered: the rate tells.
      if (isAnswer(data, at)) return isAck(data, at) || isRefused(data, at, end) || failOn(data, at, end);
      if (!counting) return;
      count++;
      if (measure) waits.push(performance.now() - dueAt(postedNumber(data, at)));
    };
  }
  let posted = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - start) / 1000) * task.perSecond);
    for (; posted < due; posted++) posters[posted % posters.length]!(posted, 1, 1);
  }, task.tickMs ?? defaultTickMs);
  await seconds(warmupSeconds);
  counting = true;
  process.send?.({ started: true });
  const from = performance.now();
  await seconds(task.seconds);
  counting = false;
  const took = (performance.now() - from) / 1000;
  clearInterval(timer);
  return { count, seconds: took, p50: percentile(waits, 0.5), p99: percentile(waits, 0.99) };
}

async function idle(task: Task & { kind: "idle" }): Promise<LoadResult> {
  const sockets = await openAll(task.url, task.people);
  process.send?.({ started: true });
  await new Promise((resolve) => process.once("message", resolve));
  return { count: sockets.length, seconds: 0, p50: 0, p99: 0 };
}

async function overload(task: Task & { kind: "overload" }): Promise<LoadResult> {
  const sockets = await openAll(task.url, task.people);
  const rooms = task.people.map(({ roomId }) => roomId);
  const result = await openLoop(sockets, rooms, task, () => process.send?.({ started: true }));
  return {
    count: result.good,
    seconds: task.seconds,
    p50: result.p50,
    p99: result.p99,
    openLoop: result,
  };
}

const run = (task: Task): Promise<LoadResult> => {
  switch (task.kind) {
    case "throughput":
      return throughput(task);
    case "idle":
      return idle(task);
    case "overload":
      return overload(task);
    default:
      return paced(task, task.kind === "latency");
  }
};

const seconds = (n: number) => new Promise((resolve) => setTimeout(resolve, n * 1000));

process.once("message", async (task: Task) => {
  try {
    const result = await run(task);
    process.send?.({ result });
  } catch (error) {
    process.send?.({ failed: String(error) });
  }
  process.disconnect();
  process.exit(0);
});
