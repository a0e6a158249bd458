import { create } from "@bufbuild/protobuf";
import { ServerFrameSchema } from "#gen/parley/realtime/v1/frames_pb.js";
import type { SubscribeResponse } from "#gen/parley/realtime/v1/realtime_service_pb.js";
import type { FrameSink } from "./frame-sink.ts";
import { type StreamItem, toStreamItem } from "./server-frame.ts";

/**
 * The sink of a stream: frames wait here until its reader takes them, one by one, as fast as the surface gets rid of
 * them. That is all the back-pressure there is, and `unsent` tells of it, in bytes as binary Protobuf.
 *
 * It ends in one of three ways, and says so once: its reader has taken everything after `close`; it left; or it took too
 * long about it after `close`, and then finds nothing but the goodbye if it reads again after all.
 */
export interface StreamSink extends FrameSink {
  /** What was written, in order. To be iterated once. */
  frames(): AsyncGenerator<SubscribeResponse, void>;
  /** The reader is gone. */
  leave(): void;
}

export interface StreamSinkEvents {
  /** The reader took something: it is there. */
  taken(): void;
  /** It took the last of what waited. */
  drained(): void;
  /** It gets nothing more. */
  ended(): void;
}

interface Waiting {
  readonly item: StreamItem;
  next: Waiting | undefined;
}

/** How long a reader may take to fetch what is left, its goodbye included. */
const closeGraceMs = 3000;

const heartbeat = toStreamItem(create(ServerFrameSchema, { kind: { case: "heartbeat", value: {} } }));

export function createStreamSink(events: StreamSinkEvents): StreamSink {
  /** A chain: a reader that is always a little behind takes from its head for ever. */
  let first: Waiting | undefined;
  let last: Waiting | undefined;
  let unsent = 0;
  let written = 0;
  let begun = false;
  let read = false;
  let closing = false;
  let ended = false;
  let grace: NodeJS.Timeout | undefined;
  let wake = () => {};

  function append(item: StreamItem): void {
    const waiting: Waiting = { item, next: undefined };
    if (last) last.next = waiting;
    else first = waiting;
    last = waiting;
    unsent += item.size;
    written += item.size;
  }

  function take(): StreamItem | undefined {
    const taken = first;
    if (!taken) return undefined;
    first = taken.next;
    unsent -= taken.item.size;
    events.taken();
    if (!first) {
      last = undefined;
      events.drained();
    }
    return taken.item;
  }

  /** Lets go of everything but the last few. */
  function keep(rest: Waiting | undefined): void {
    first = rest;
    last = rest;
    unsent = rest?.item.size ?? 0;
  }

  function end(): void {
    closing = true;
    clearTimeout(grace);
    wake();
    if (ended) return;
    ended = true;
    events.ended();
  }

  function terminate(): void {
    keep(last);
    end();
  }

  return {
    surface: "stream",
    format: "proto",
    // What a stream's client wants came with its request.
    received: 0,
    get written() {
      return written;
    },
    get unsent() {
      return unsent;
    },
    write(frames) {
      if (closing) return;
      begun = true;
      for (const each of frames) for (const item of each.items()) append(item);
      wake();
    },
    ping() {
      // `ready` comes first. Who has nothing to take yet can't be late with it.
      if (begun) append(heartbeat);
      else events.taken();
      wake();
    },
    pauseReading() {},
    resumeReading() {},
    close() {
      closing = true;
      if (!read) return end();
      grace = setTimeout(terminate, closeGraceMs);
      grace.unref();
      wake();
    },
    terminate,
    leave() {
      keep(undefined);
      end();
    },
    async *frames() {
      read = true;
      try {
        for (;;) {
          const item = take();
          if (item) yield item.message;
          else if (closing) return;
          else {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
        }
      } finally {
        end();
      }
    },
  };
}
