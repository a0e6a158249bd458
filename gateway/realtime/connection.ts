import type { CloseCause } from "./close-codes.ts";
import type { Flusher } from "./flusher.ts";
import type { FrameSink } from "./frame-sink.ts";
import { type Lag, lagFrom, lastOf } from "./lag.ts";
import type { LiveLog } from "./live-log.ts";
import { ReadRest } from "./read-rest.ts";
import { createFrame, type Frames } from "./server-frame.ts";
import type { Traffic } from "./traffic.ts";
import type { UserChannel } from "./user-channel.ts";

/** The answers to writes that were refused for overload, as many as come in a turn. */
export interface Refusals extends Frames {
  /** Takes one more; answers how many they are. */
  add(ref: string | undefined): number;
}

/** Bytes that may wait for a socket before it is no longer pushed to. */
const maxUnsent = 256 * 1024;
/** Frames of the client that may be without an answer before its socket is no longer read. */
export const maxUnanswered = 1000;

/** Refusals that are written at once, and not at the end of the turn. */
const maxRefusals = 1000;

/** What a connection needs of its surroundings; one object shared by all connections. */
export interface ConnectionDeps {
  readonly flusher: Flusher;
  /** Brings the connection up where it lags. */
  catchUp(connection: Connection): void;
  /** Seconds over which reconnects are spread when the server shuts down. */
  readonly reconnectSpreadSeconds: number;
  readonly traffic: Traffic;
}

const nothing: readonly Frames[] = [];

/**
 * One client's connection: what it is, what is to be written, where it lags. A class, since ten thousand idle ones are
 * held: methods are shared and what is rarely needed is made when it is.
 *
 * When unsent bytes pass `maxUnsent` the connection is slow: logs no longer push to it (each remembers in a `Lag` where
 * it stopped), signals are dropped, and its socket isn't read, so that answers can't pile up either. When the socket
 * has drained, catch-up brings it up from the logs. Memory is bounded by `maxUnsent`, one turn's frames, and a `Lag` per
 * room.
 */
export class Connection {
  readonly sink: FrameSink;
  readonly id: string;
  readonly #deps: ConnectionDeps;
  /** The client's address, for limits. */
  readonly address: string;
  #out: readonly Frames[] = nothing;
  user: UserChannel | undefined;
  sessionId = "";
  /** The caller's slot on the way to Message. */
  slot = 0;
  /** When the access token ends, ms. */
  expiresAt = 0;
  helloStarted = false;
  /** Frames that came while the hello was being served; at most what one read of the socket held. */
  #deferred: (() => void)[] | undefined;
  /** `ready` was sent. */
  ready = false;
  slow = false;
  closed = false;
  /** Why the server closed it. */
  closedFor: CloseCause | undefined;
  /** A catch-up is at work. */
  catchingUp = false;
  unanswered = 0;
  /** Only of a connection that was refused for overload. */
  #rest: ReadRest | undefined;
  #refusals: Refusals | undefined;
  /** Frames in a row that were none. */
  refused = 0;
  /** Heartbeat turns since the client was heard. */
  silent = 0;
  /** Data under another epoch than the server's: cursors mean nothing. */
  foreignEpoch = false;
  lags: Map<LiveLog, Lag> | undefined;

  constructor(sink: FrameSink, id: string, address: string, deps: ConnectionDeps) {
    this.sink = sink;
    this.id = id;
    this.address = address;
    this.#deps = deps;
  }

  /** What all connections together have come to. */
  get traffic(): Traffic {
    return this.#deps.traffic;
  }

  push(frames: Frames): void {
    if (this.closed) return;
    if (this.#out === nothing) {
      this.#out = [frames];
      this.#deps.flusher.mark(this);
    } else {
      (this.#out as Frames[]).push(frames);
    }
  }

  flush(): void {
    if (this.#out === nothing || this.closed) return;
    const out = this.#out;
    this.#out = nothing;
    this.#refusals = undefined;
    this.sink.write(out);
    if (this.#rest?.begin(this.sink.received, () => this.closed || this.#read())) this.sink.pauseReading();
    for (const frames of out) this.#deps.traffic.deliveries += frames.deliveries;
    if (!this.slow && this.sink.unsent > maxUnsent) {
      this.slow = true;
      this.#deps.traffic.slowed += 1;
      this.sink.pauseReading();
    }
  }

  /** The socket took everything. */
  drained(): void {
    if (!this.slow || this.closed) return;
    this.slow = false;
    this.#read();
    if (this.lags?.size) this.#deps.catchUp(this);
  }

  /** A frame came that will be answered. */
  expectAnswer(): void {
    if (++this.unanswered >= maxUnanswered) this.sink.pauseReading();
  }

  /** Such a frame's answer. */
  answer(frames: Frames): void {
    this.push(frames);
    this.noAnswer();
  }

  /** A frame that turned out to have no answer. */
  noAnswer(): void {
    if (this.unanswered-- === maxUnanswered) this.#read();
  }

  /**
   * Answers a write that is refused for overload; what follows is read, and refused, in larger pieces. `open` makes the
   * answer of those that go together.
   */
  refuse(ref: string | undefined, open: () => Refusals): void {
    this.#rest ??= new ReadRest(this.sink.received);
    this.#rest.refused();
    if (!this.#refusals) {
      this.#refusals = open();
      this.push(this.#refusals);
    }
    // A turn may read megabytes of small frames, whose refusals are ten times as large.
    if (this.#refusals.add(ref) >= maxRefusals) this.flush();
  }

  /** Reads the socket again, unless there is another reason not to. */
  #read(): void {
    if (this.slow || this.#rest?.resting || this.#deferred || this.unanswered >= maxUnanswered) return;
    this.sink.resumeReading();
  }

  /** Keeps a frame for when the hello has been served; the socket isn't read until then. */
  defer(handle: () => void): void {
    if (!this.#deferred) {
      this.#deferred = [];
      this.sink.pauseReading();
    }
    this.#deferred.push(handle);
  }

  undefer(): void {
    const deferred = this.#deferred;
    if (!deferred) return;
    this.#deferred = undefined;
    for (const handle of deferred) if (!this.closed) handle();
    if (!this.closed) this.#read();
  }

  /** Begins to follow `log` after `after`: live at once where it may, else by catching up. */
  begin(log: LiveLog, after: number): void {
    const lag = this.lags?.get(log);
    if (lag) lastOf(lag).next = lagFrom(after);
    else if (this.slow) this.lag(log, after);
    else log.live.add(this);
  }

  /** Is not pushed to any more, having what is up to `after`; brought up when the socket drains. */
  lag(log: LiveLog, after: number): void {
    this.lags ??= new Map();
    this.lags.set(log, lagFrom(after));
  }

  /** Starts over in `log` from a cursor of the client's. */
  restart(log: LiveLog, after: number, maxReplay: number): void {
    log.live.delete(this);
    this.lags ??= new Map();
    this.lags.set(log, { after, until: undefined, announce: true, maxReplay, next: undefined });
    this.#deps.catchUp(this);
  }

  /** Begins to follow `log` after `after`, which others here are past; unless it follows it already. */
  beginBehind(log: LiveLog, after: number): void {
    if (log.live.has(this) || this.lags?.has(log)) return;
    this.lag(log, after);
    this.#deps.catchUp(this);
  }

  /** The person's part in `log` ends with `until`. */
  finish(log: LiveLog, until: number): void {
    if (log.live.delete(this)) return;
    const lag = this.lags?.get(log);
    if (lag) lastOf(lag).until = until;
  }

  /** Says goodbye and closes. */
  close(cause: CloseCause): void {
    if (this.closed) return;
    const spread = cause.resumable ? Math.random() * this.#deps.reconnectSpreadSeconds : 0;
    this.push(
      createFrame({
        kind: {
          case: "goodbye",
          value: {
            code: cause.code,
            reason: cause.reason,
            resumable: cause.resumable,
            reconnectAfter: {
              seconds: BigInt(Math.floor(spread)),
              nanos: Math.floor((spread % 1) * 1e3) * 1e6,
            },
          },
        },
      }),
    );
    this.flush();
    this.closed = true;
    this.closedFor = cause;
    this.sink.close(cause.code, cause.reason);
  }
}
