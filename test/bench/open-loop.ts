import { type BenchSocket, maskedText } from "./bench-socket.ts";
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
const digits = 12;
const placeholder = "0".repeat(digits);
const text = "x".repeat(100);
/** `{"ref":"` */
const refAt = 8;
const ackAt = refAt + digits + 3;

/**
 * One frame a connection, made once and copied with the numbers filled in: a send costs the generator less than a
 * microsecond, and the server more than ten.
 */
class Sender {
  readonly #socket: BenchSocket;
  readonly #template: Buffer;
  readonly #numbersAt: number[];

  constructor(socket: BenchSocket, roomId: string) {
    const frame = `{"ref":"${placeholder}","send":{"roomId":"${roomId}","clientId":"${process.pid}-${placeholder}","text":"${text}"}}`;
    this.#socket = socket;
    this.#template = maskedText(frame);
    const clientIdAt = `${process.pid}-${placeholder}`;
    this.#numbersAt = [
      this.#template.indexOf(placeholder),
      this.#template.indexOf(clientIdAt) + clientIdAt.length - digits,
    ];
  }

  /** Posts numbers `first`, `first + step`, … `count` of them, in one write. */
  send(first: number, step: number, count: number): void {
    const { length } = this.#template;
    const frames = Buffer.allocUnsafe(length * count);
    for (let i = 0; i < count; i++) {
      this.#template.copy(frames, i * length);
      for (const at of this.#numbersAt) writeDigits(frames, i * length + at, first + i * step);
    }
    this.#socket.write(frames);
  }
}

function writeDigits(bytes: Buffer, at: number, number: number): void {
  for (let rest = number, i = digits - 1; i >= 0; i--) {
    bytes[at + i] = 48 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}

function readDigits(bytes: Buffer, at: number): number {
  let number = 0;
  for (let i = 0; i < digits; i++) number = number * 10 + (bytes[at + i] as number) - 48;
  return number;
}

/** The n-th send of all goes to connection n modulo their number. */
export async function openLoop(
  sockets: readonly BenchSocket[],
  rooms: readonly string[],
  task: OpenLoop,
  started: () => void,
): Promise<OpenLoopResult> {
  const senders = sockets.map((socket, i) => new Sender(socket, rooms[i] as string));
  const start = performance.now();
  const dueAt = (n: number) => start + (n / task.perSecond) * 1000;
  const from = Math.floor(task.warmupSeconds * task.perSecond);
  const until = from + Math.floor(task.seconds * task.perSecond);
  const result = { offered: until - from, good: 0, late: 0, refused: 0, failed: 0 };
  const waits: number[] = [];
  const lags: number[] = [];

  for (const socket of sockets) {
    socket.onBytes = (data, at) => {
      // Answers begin with their ref, `{"r`; everything else is an event.
      if (data[at + 2] !== 0x72) return;
      const n = readDigits(data, at + refAt);
      if (n < from || n >= until) return;
      if (data[at + ackAt] !== 0x61) {
        // The reason stands in the first details, which are 300 bytes at most.
        if (data.subarray(at, at + 400).includes("OVERLOADED")) result.refused++;
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
    const step = senders.length;
    for (let i = 0; i < step && sent + i < due; i++) {
      (senders[(sent + i) % step] as Sender).send(sent + i, step, Math.ceil((due - sent - i) / step));
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
