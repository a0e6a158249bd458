import type { Format } from "./codec.ts";
import type { Frames } from "./server-frame.ts";

/** Where a connection's frames go: a WebSocket, or the reader of a stream. Writing never waits. */
export interface FrameSink {
  /** By which the client came, for metrics. */
  readonly surface: string;
  readonly format: Format;
  /** Bytes written so far. */
  readonly written: number;
  /** Bytes read so far. */
  readonly received: number;
  /** Bytes written that the kernel, or the stream's reader, has not taken. */
  readonly unsent: number;
  write(frames: readonly Frames[]): void;
  /** Asks for a sign of life: `silent` is set back when one comes. */
  ping(): void;
  pauseReading(): void;
  resumeReading(): void;
  /** Ends the connection after what was written. */
  close(code: number, reason: string): void;
  /** Ends it at once. */
  terminate(): void;
}
