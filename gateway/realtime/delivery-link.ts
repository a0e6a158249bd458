import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import type { Logger } from "pino";
import {
  type DeliveryService,
  type WatchRequest,
  WatchRequestSchema,
  type WatchResponse,
  WatchResponseSchema,
} from "#gen/parley/internal/v1/delivery_service_pb.js";
import { type AsyncQueue, createAsyncQueue } from "../../services/common/async-queue.ts";
import { watchSilence } from "./silence-watch.ts";

/**
 * The stream to one replica of Delivery: states interest, hands on what comes. When it breaks or falls silent it is
 * opened again, and the whole interest is stated anew.
 */
export interface DeliveryLink {
  readonly delivery: Client<typeof DeliveryService>;
  /** Whether a stream stands, with all of the interest that there was when it was opened in force. */
  readonly stands: boolean;
  /** Interest up to this ref is in force. */
  readonly acknowledged: bigint;
  /** Passes a change on. Without a stream nothing is sent: the next one states everything. */
  change(request: WatchRequest): void;
  /** Keeps the stream until aborted. */
  run(signal: AbortSignal): Promise<void>;
}

/** All that this gateway wants to hear of. */
export interface Interest {
  readonly rooms: ReadonlySet<string>;
  readonly users: ReadonlySet<string>;
  /** The ref of the last change that is in these. Above 0. */
  readonly ref: bigint;
}

export interface DeliveryLinkDeps {
  delivery: Client<typeof DeliveryService>;
  interest: Interest;
  received(response: WatchResponse): void;
  /** `stands` or `acknowledged` is another. */
  changed(): void;
  backoff(attempt: number): Promise<void>;
  logger: Logger;
}

/** Keys of one request; a frame stays far below every message size limit. */
const slice = 5000;
/** Requests that may wait for Delivery to take them; with more the stream is given up for a new one. */
const maxOutgoing = 10_000;

export function createDeliveryLink(deps: DeliveryLinkDeps): DeliveryLink {
  const { delivery, interest } = deps;
  let outgoing: AsyncQueue<WatchRequest> | undefined;
  let stands = false;
  /** The last stream got as far as to stand. */
  let stood = false;
  let acknowledged = 0n;

  /** The last ref covers all that was asked for before. */
  function stateAll(queue: AsyncQueue<WatchRequest>): bigint {
    const { rooms, users, ref } = interest;
    const [allRooms, allUsers] = [[...rooms], [...users]];
    for (let i = 0; i < allRooms.length || i < allUsers.length; i += slice) {
      queue.push(
        create(WatchRequestSchema, {
          addRooms: allRooms.slice(i, i + slice),
          addUsers: allUsers.slice(i, i + slice),
        }),
      );
    }
    queue.push(create(WatchRequestSchema, { ref }));
    return ref;
  }

  function acknowledge(ref: bigint, complete: bigint): void {
    if (ref < complete) return;
    acknowledged = ref;
    stands = true;
    stood = true;
    deps.changed();
  }

  async function follow(signal: AbortSignal): Promise<void> {
    const queue = createAsyncQueue<WatchRequest>(maxOutgoing);
    const complete = stateAll(queue);
    const hung = new AbortController();
    const silence = watchSilence(() => hung.abort(new Error("delivery is silent")));
    outgoing = queue;
    try {
      for await (const response of delivery.watch(queue, {
        signal: AbortSignal.any([signal, hung.signal]),
      })) {
        silence.heard();
        if (response.acknowledgedRef !== undefined) acknowledge(response.acknowledgedRef, complete);
        deps.received(response.$unknown ? decoded(response) : response);
      }
    } finally {
      silence.stop();
      outgoing = undefined;
      queue.end();
      if (stands) {
        stands = false;
        deps.changed();
      }
    }
  }

  return {
    delivery,
    get stands() {
      return stands;
    },
    get acknowledged() {
      return acknowledged;
    },
    change(request) {
      if (outgoing?.push(request) === false) outgoing.fail(new Error("delivery takes no interest"));
    },
    async run(signal) {
      for (let attempt = 0; !signal.aborted; attempt++) {
        stood = false;
        try {
          await follow(signal);
        } catch (err) {
          if (signal.aborted) return;
          deps.logger.warn({ err }, "the stream from delivery broke");
        }
        if (stood) attempt = 0;
        if (!signal.aborted) await deps.backoff(attempt);
      }
    },
  };
}

/** Delivery passes on in their bytes what a log keeps in bytes. From another process they come decoded. */
function decoded(response: WatchResponse): WatchResponse {
  return fromBinary(WatchResponseSchema, toBinary(WatchResponseSchema, response));
}
