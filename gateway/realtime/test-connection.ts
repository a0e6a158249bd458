import { setImmediate } from "node:timers/promises";
import { createCatchUp } from "./catch-up.ts";
import { Connection } from "./connection.ts";
import { createFlusher } from "./flusher.ts";
import type { FrameSink } from "./frame-sink.ts";
import { createTraffic } from "./traffic.ts";

/** A ServerFrame as a client of the JSON subprotocol sees it, as far as tests look at it. */
export interface SeenFrame {
  ref?: string;
  ready?: { feedSeq: string; epoch: string };
  ack?: { roomId: string; seq: string };
  pong?: object;
  error?: { code: number; message: string };
  event?: { roomId: string; seq: string } & Record<string, unknown>;
  feed?: { seq: string };
  signal?: { roomId: string; userId: string };
  gap?: { roomId?: string; feed?: boolean; nextSeq: string; reset: boolean };
  caughtUp?: { roomId?: string; feed?: boolean; seq: string };
  roomGone?: { roomId: string };
  goodbye?: { code: number; reason: string; resumable: boolean };
}

/** A client in memory. */
export interface TestClient {
  readonly connection: Connection;
  readonly seen: SeenFrame[];
  /** Whether the server reads what the client sends. */
  readonly reading: boolean;
  readonly closedWith: number | undefined;
  readonly pings: number;
  /** Counts bytes as read; what is in them is told otherwise. */
  receive(bytes: number): void;
  /** Takes nothing more until `drain`: what is written stays unsent. */
  stall(): void;
  drain(): void;
}

/** Lets everything go on that waits for the event loop's next turns. */
export async function turns(count = 3): Promise<void> {
  for (let i = 0; i < count; i++) await setImmediate();
}

/** Waits for a condition, turn by turn. */
export async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; !condition(); i++) {
    if (i > 20_000) throw new Error(`never came true: ${condition}`);
    await setImmediate();
  }
}

/** What waits between attempts in tests: one turn. */
export const backoff = async (): Promise<void> => void (await setImmediate());

/** Connections that share a flusher and a catch-up, as in the gateway. */
export function createTestClients(): (name?: string) => TestClient {
  const deps = {
    flusher: createFlusher(),
    catchUp: createCatchUp({ backoff }),
    reconnectSpreadSeconds: 0,
    traffic: createTraffic(),
  };
  return (name = "connection") => {
    const seen: SeenFrame[] = [];
    let stalled = false;
    let unsent = 0;
    let reading = true;
    let received = 0;
    let closedWith: number | undefined;
    let pings = 0;
    const sink: FrameSink = {
      surface: "test",
      format: "json",
      get received() {
        return received;
      },
      written: 0,
      get unsent() {
        return unsent;
      },
      write(frames) {
        const bytes = Buffer.concat(frames.map((frame) => frame.bytes("json")));
        seen.push(...payloads(bytes).map((payload) => JSON.parse(payload.toString()) as SeenFrame));
        // A stalled reader's buffer is full with the first frame: tests need not write hundreds of KiB.
        if (stalled) unsent = 1024 * 1024;
      },
      ping: () => void pings++,
      pauseReading: () => {
        reading = false;
      },
      resumeReading: () => {
        reading = true;
      },
      close: (code) => {
        closedWith = code;
      },
      terminate() {},
    };
    const connection = new Connection(sink, name, "127.0.0.1", deps);
    return {
      connection,
      seen,
      get reading() {
        return reading;
      },
      get closedWith() {
        return closedWith;
      },
      get pings() {
        return pings;
      },
      receive(bytes) {
        received += bytes;
      },
      stall() {
        stalled = true;
      },
      drain() {
        stalled = false;
        unsent = 0;
        connection.drained();
      },
    };
  };
}

/** The payloads of WebSocket frames that stand one after the other. */
export function payloads(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const short = bytes[at + 1] ?? 0;
    const header = short < 126 ? 2 : short === 126 ? 4 : 10;
    const length =
      short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : bytes.readUInt32BE(at + 6);
    found.push(bytes.subarray(at + header, at + header + length));
    at += header + length;
  }
  return found;
}
