import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type EventTrace,
  type RoomSignal,
  UserFeedEntrySchema,
  type WatchRequest,
  type WatchResponse,
  WatchResponseSchema,
} from "#gen/parley/internal/v1/delivery_service_pb.js";
import type { FeedEntry } from "#gen/parley/message/v1/feed_pb.js";
import { type AsyncQueue, createAsyncQueue } from "../common/async-queue.ts";
import type { Metrics } from "../common/metrics.ts";
import { joinedBy, passOn, type TimelineRecord } from "./encoded-events.ts";
import { createInterestIndex } from "./interest.ts";

const signOfLifeMs = 1000;
const signOfLife = create(WatchResponseSchema);

/** One gateway's stream. */
interface Watcher {
  readonly queue: AsyncQueue<WatchResponse>;
  readonly rooms: Set<string>;
  readonly users: Set<string>;
}

/**
 * The gateways' streams and what each is interested in.
 *
 * What is handed in goes into the bounded queue of every stream that it concerns, at once and without waiting. A stream
 * whose queue is full is cut: its gateway opens another and repairs from the Message service, so a slow gateway costs
 * the others nothing. An event is handed to a stream when its room is of interest, and when it says that a person of
 * interest joined, since that person's gateway may not know the room yet.
 */
export interface Watchers {
  /** Serves one stream: applies the interest it states, yields what concerns it. Ends with `requests` or when cut. */
  watch(requests: AsyncIterable<WatchRequest>): AsyncIterable<WatchResponse>;
  /** `traces` are those of the events that are traced. Throws UnprocessableRecordError, having handed over nothing. */
  events(records: readonly TimelineRecord[], traces?: readonly EventTrace[]): void;
  feedEntries(entries: readonly { userId: string; entry: FeedEntry }[]): void;
  signals(signals: readonly RoomSignal[]): void;
  /**
   * Tells every stream that the event log's partitions were divided anew: what another instance had taken may have been
   * handed to streams that are gone.
   */
  rebalanced(): void;
  /** Ends every stream. */
  close(): void;
}

export function createWatchers(deps: { maxQueuedBatches: number; metrics?: Metrics | undefined }): Watchers {
  const all = new Set<Watcher>();
  const byRoom = createInterestIndex<Watcher>();
  const byUser = createInterestIndex<Watcher>();

  let cut = 0;
  let signalsDropped = 0;
  deps.metrics?.gauge({
    name: "parley_delivery_streams",
    help: "Streams of gateways to Delivery.",
    read: () => all.size,
  });
  deps.metrics?.gauge({
    name: "parley_delivery_queue_length",
    help: "Batches that wait for gateways' streams, of the longest queue.",
    read: () => Math.max(0, ...Array.from(all, ({ queue }) => queue.size)),
  });
  deps.metrics?.counter({
    name: "parley_delivery_streams_cut_total",
    help: "Streams that were cut because their gateway was too slow.",
    read: () => cut,
  });
  deps.metrics?.counter({
    name: "parley_delivery_signals_dropped_total",
    help: "Signals that Delivery dropped because a gateway's stream was behind.",
    read: () => signalsDropped,
  });

  function hand(batches: Map<Watcher, WatchResponse>): void {
    for (const [watcher, batch] of batches) {
      if (watcher.queue.push(batch)) continue;
      cut += 1;
      watcher.queue.fail(
        new ConnectError("the gateway is too slow, its stream is cut", Code.ResourceExhausted),
      );
      // At once: the stream may not come to take its end for long.
      forget(watcher);
    }
  }

  function batchFor(batches: Map<Watcher, WatchResponse>, watcher: Watcher): WatchResponse {
    let batch = batches.get(watcher);
    if (!batch) {
      batch = create(WatchResponseSchema);
      batches.set(watcher, batch);
    }
    return batch;
  }

  function change(watcher: Watcher, request: WatchRequest): void {
    for (const room of request.addRooms) {
      watcher.rooms.add(room);
      byRoom.add(room, watcher);
    }
    for (const user of request.addUsers) {
      watcher.users.add(user);
      byUser.add(user, watcher);
    }
    for (const room of request.removeRooms) {
      watcher.rooms.delete(room);
      byRoom.remove(room, watcher);
    }
    for (const user of request.removeUsers) {
      watcher.users.delete(user);
      byUser.remove(user, watcher);
    }
    hand(new Map([[watcher, create(WatchResponseSchema, { acknowledgedRef: request.ref })]]));
  }

  async function follow(watcher: Watcher, requests: AsyncIterable<WatchRequest>): Promise<void> {
    try {
      for await (const request of requests) {
        if (watcher.queue.ended) return;
        change(watcher, request);
      }
      watcher.queue.end();
    } catch (error) {
      watcher.queue.fail(error);
    }
  }

  function forget(watcher: Watcher): void {
    all.delete(watcher);
    watcher.queue.end();
    for (const room of watcher.rooms) byRoom.remove(room, watcher);
    for (const user of watcher.users) byUser.remove(user, watcher);
  }

  /** So that a gateway can tell a process that hangs from one that has nothing for it. */
  function showLife({ queue }: Watcher): NodeJS.Timeout {
    return setInterval(() => queue.size === 0 && queue.push(signOfLife), signOfLifeMs);
  }

  return {
    async *watch(requests) {
      const watcher: Watcher = {
        queue: createAsyncQueue(deps.maxQueuedBatches),
        rooms: new Set(),
        users: new Set(),
      };
      all.add(watcher);
      void follow(watcher, requests);
      const life = showLife(watcher);
      try {
        yield* watcher.queue;
      } finally {
        clearInterval(life);
        forget(watcher);
      }
    },
    events(records, traces = []) {
      const batches = new Map<Watcher, WatchResponse>();
      const encoded = new Map<Watcher, Uint8Array[]>();
      const add = (watcher: Watcher, record: TimelineRecord) => {
        if (!record.encoded) batchFor(batches, watcher).events.push(record.message);
        else if (!encoded.get(watcher)?.push(record.encoded.bytes))
          encoded.set(watcher, [record.encoded.bytes]);
      };
      for (const record of records) {
        const ofRoom = byRoom.of(record.key);
        const userId = joinedBy(record);
        if (ofRoom) for (const watcher of ofRoom) add(watcher, record);
        if (userId === undefined) continue;
        for (const watcher of byUser.of(userId) ?? []) if (!ofRoom?.has(watcher)) add(watcher, record);
      }
      for (const [watcher, events] of encoded) passOn(batchFor(batches, watcher), events);
      for (const trace of traces) {
        for (const watcher of byRoom.of(trace.roomId) ?? []) batchFor(batches, watcher).traces.push(trace);
      }
      hand(batches);
    },
    feedEntries(entries) {
      const batches = new Map<Watcher, WatchResponse>();
      for (const { userId, entry } of entries) {
        for (const watcher of byUser.of(userId) ?? []) {
          batchFor(batches, watcher).feedEntries.push(create(UserFeedEntrySchema, { userId, entry }));
        }
      }
      hand(batches);
    },
    signals(signals) {
      const batches = new Map<Watcher, WatchResponse>();
      for (const signal of signals) {
        for (const watcher of byRoom.of(signal.roomId) ?? []) {
          // The first thing dropped under pressure: a stream that is behind gets none.
          if (watcher.queue.size * 2 < deps.maxQueuedBatches) batchFor(batches, watcher).signals.push(signal);
          else signalsDropped += 1;
        }
      }
      hand(batches);
    },
    rebalanced() {
      hand(
        new Map(Array.from(all, (watcher) => [watcher, create(WatchResponseSchema, { rebalanced: true })])),
      );
    },
    close() {
      for (const watcher of all) watcher.queue.end();
    },
  };
}
