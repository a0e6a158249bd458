import type { BenchSocket } from "./bench-socket.ts";
import { createPoster, isAck, isAnswer, isRefused, refOf } from "./posts.ts";
import { percentile } from "./statistics.ts";

/** Sends by schedule, whatever comes back: what people do who don't know that the server is busy. */
export interface OpenLoop {
  /** Over all connections. */
  perSecond: number;
  /** An ack counts if it comes within this after the send was due. */
  deadlineMs: number;
  warmupSeconds: number;
  seconds: number;
}

/** What became of the sends that were due while it was measured, and what it took to offer them. */
export interface OpenLoopResult {
  offered: number;
  /** Acked within the deadline. */
  good: number;
  /** Acked later than that. */
  late: number;
  refused: number;
  /** Refused, or broken off, for anything but overload. */
  failed: number;
  /** Of acks within the deadline, ms. */
  p50: number;
  p99: number;
  /** How long after it was due a send left, the 99th percentile, ms: above the deadline nothing was offered. */
  lag: number;
  /** Of the load generator itself. */
  cores: number;
}

const tickMs = 5;
/** The n-th send of all goes to connection n modulo their number. */
export async function openLoop(
  sockets: readonly BenchSocket[],
  rooms: readonly string[],
  task: OpenLoop,
  started: () => void,
): Promise<OpenLoopResult> {
  const posters = sockets.map((socket, i) => createPoster(socket, rooms[i] as string));
  const start = performance.now();
  const dueAt = (n: number) => start + (n / task.perSecond) * 1000;
  const from = Math.floor(task.warmupSeconds * task.perSecond);
  const until = from + Math.floor(task.seconds * task.perSecond);
  const result = { offered: until - from, good: 0, late: 0, refused: 0, failed: 0 };
  const waits: number[] = [];
  const lags: number[] = [];

  for (const socket of sockets) {
    socket.onFrame = (data, at, end) => {
      if (!isAnswer(data, at)) return;
      const n = refOf(data, at);
      if (n < from || n >= until) return;
      if (!isAck(data, at)) {
        if (isRefused(data, at, end)) result.refused++;
        else result.failed++;
        return;
      }
      const wait = performance.now() - dueAt(n);
      if (wait > task.deadlineMs) {
        result.late++;
      } else {
        result.good++;
        waits.push(wait);
      }
    };
  }

  let sent = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    const due = Math.min(until, Math.floor(((now - start) / 1000) * task.perSecond));
    if (due <= sent) return;
    if (sent >= from) lags.push(now - dueAt(sent));
    const step = posters.length;
    for (let i = 0; i < step && sent + i < due; i++) {
      posters[(sent + i) % step]!(sent + i, step, Math.ceil((due - sent - i) / step));
    }
    sent = due;
  }, tickMs);
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  await pause(task.warmupSeconds * 1000);
  started();
  const cpu = process.cpuUsage();
  await pause(task.seconds * 1000);
  const used = process.cpuUsage(cpu);
  await pause(task.deadlineMs);
  clearInterval(timer);
  return {
    ...result,
    p50: percentile(waits, 0.5),
    p99: percentile(waits, 0.99),
    lag: percentile(lags, 0.99),
    cores: (used.user + used.system) / 1e6 / task.seconds,
  };
}
