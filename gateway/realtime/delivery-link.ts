import { create } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import type { Logger } from "pino";
import {
  type DeliveryService,
  type WatchRequest,
  WatchRequestSchema,
  type WatchResponse,
} from "#gen/parley/internal/v1/delivery_service_pb.js";
import { type AsyncQueue, createAsyncQueue } from "../../services/common/async-queue.ts";

/**
 * This gateway's stream to Delivery: states interest, hands on what comes.
 *
 * Interest is gathered over one turn of the event loop and acknowledged by Delivery. When the stream breaks it is opened
 * again and the whole interest is stated anew; `reopened` is called once that is acknowledged, since whatever came in
 * between was missed. Promises of `add` outlive the break.
 */
export interface DeliveryLink {
  /** Resolves when Delivery forwards what concerns these rooms and people; rejects when the link is closed. */
  add(interest: { rooms?: Iterable<string>; users?: Iterable<string> }): Promise<void>;
  remove(interest: { rooms?: Iterable<string>; users?: Iterable<string> }): void;
  /** Whether a stream stands and its interest is in force. */
  readonly connected: boolean;
  /** Keeps the stream until aborted. */
  run(signal: AbortSignal): Promise<void>;
}

export interface DeliveryLinkDeps {
  delivery: Client<typeof DeliveryService>;
  received(response: WatchResponse): void;
  reopened(): void;
  backoff(attempt: number): Promise<void>;
  logger: Logger;
}

/** Keys of one request; a frame stays far below every message size limit. */
const slice = 5000;
/** Requests that may wait for Delivery to take them; with more the stream is given up for a new one. */
const maxOutgoing = 10_000;

interface Pending {
  ref: bigint;
  resolve(): void;
  reject(error: unknown): void;
}

export function createDeliveryLink(deps: DeliveryLinkDeps): DeliveryLink {
  const rooms = new Set<string>();
  const users = new Set<string>();
  let changes = {
    addRooms: [] as string[],
    removeRooms: [] as string[],
    addUsers: [] as string[],
    removeUsers: [] as string[],
  };
  let gathering: { promise: Promise<void>; resolve(): void; reject(error: unknown): void } | undefined;
  let waiting: Pending[] = [];
  let outgoing: AsyncQueue<WatchRequest> | undefined;
  let ref = 0n;
  let closed = false;
  let connected = false;
  /** The last stream got as far as being in force. */
  let stood = false;

  function gather(): Promise<void> {
    if (closed) return Promise.reject(linkClosed());
    if (!gathering) {
      gathering = Promise.withResolvers<void>();
      setImmediate(flush);
    }
    return gathering.promise;
  }

  /** Without a stream nothing is sent: the next one states everything, and these promises wait for it. */
  function flush(): void {
    const batch = gathering;
    const { addRooms, addUsers, removeRooms, removeUsers } = changes;
    gathering = undefined;
    changes = { addRooms: [], removeRooms: [], addUsers: [], removeUsers: [] };
    if (!batch) return;
    if (closed) {
      batch.reject(linkClosed());
      return;
    }
    ref++;
    waiting.push({ ref, resolve: batch.resolve, reject: batch.reject });
    // What was added and removed within the turn ends as the sets have it.
    const taken = outgoing?.push(
      create(WatchRequestSchema, {
        ref,
        addRooms: addRooms.filter((room) => rooms.has(room)),
        addUsers: addUsers.filter((user) => users.has(user)),
        removeRooms: removeRooms.filter((room) => !rooms.has(room)),
        removeUsers: removeUsers.filter((user) => !users.has(user)),
      }),
    );
    if (taken === false) outgoing?.fail(new Error("delivery takes no interest"));
  }

  function acknowledge(upTo: bigint): void {
    while (waiting[0] && waiting[0].ref <= upTo) waiting.shift()?.resolve();
  }

  /** States everything; the last ref covers all that was asked for before. */
  function stateAll(queue: AsyncQueue<WatchRequest>): bigint {
    const allRooms = [...rooms];
    const allUsers = [...users];
    for (let i = 0; i === 0 || i < allRooms.length || i < allUsers.length; i += slice) {
      queue.push(
        create(WatchRequestSchema, {
          ref: 0n,
          addRooms: allRooms.slice(i, i + slice),
          addUsers: allUsers.slice(i, i + slice),
        }),
      );
    }
    ref++;
    queue.push(create(WatchRequestSchema, { ref }));
    return ref;
  }

  async function follow(signal: AbortSignal): Promise<void> {
    const queue = createAsyncQueue<WatchRequest>(maxOutgoing);
    const complete = stateAll(queue);
    outgoing = queue;
    try {
      for await (const response of deps.delivery.watch(queue, { signal })) {
        if (response.acknowledgedRef !== undefined) {
          acknowledge(response.acknowledgedRef);
          if (response.acknowledgedRef === complete) {
            connected = true;
            stood = true;
            deps.reopened();
          }
        }
        deps.received(response);
      }
    } finally {
      connected = false;
      outgoing = undefined;
      queue.end();
    }
  }

  return {
    add(interest) {
      for (const room of interest.rooms ?? []) {
        rooms.add(room);
        changes.addRooms.push(room);
      }
      for (const user of interest.users ?? []) {
        users.add(user);
        changes.addUsers.push(user);
      }
      return gather();
    },
    remove(interest) {
      for (const room of interest.rooms ?? []) {
        rooms.delete(room);
        changes.removeRooms.push(room);
      }
      for (const user of interest.users ?? []) {
        users.delete(user);
        changes.removeUsers.push(user);
      }
      gather().catch(() => {});
    },
    get connected() {
      return connected;
    },
    async run(signal) {
      try {
        for (let attempt = 0; !signal.aborted; attempt++) {
          stood = false;
          try {
            await follow(signal);
          } catch (err) {
            if (signal.aborted) break;
            deps.logger.warn({ err }, "the stream from delivery broke");
          }
          if (stood) attempt = 0;
          if (!signal.aborted) await deps.backoff(attempt);
        }
      } finally {
        closed = true;
        for (const pending of waiting) pending.reject(linkClosed());
        waiting = [];
      }
    },
  };
}

function linkClosed(): Error {
  return new Error("the link to delivery is closed");
}
