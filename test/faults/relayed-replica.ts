import type { Client } from "@connectrpc/connect";
import type {
  MessageInternalService,
  WriteRequest,
  WriteResponse,
} from "#gen/parley/internal/v1/message_internal_service_pb.js";
import { type AsyncQueue, createAsyncQueue } from "../../services/common/async-queue.ts";

type Internal = Client<typeof MessageInternalService>;

/** A replica of Message in the middle of which the test stands: its streams go on to the real service. */
export interface RelayedReplica {
  readonly client: Internal;
  /** Nothing passes any more, in either direction, though all is taken. */
  hang(): void;
  /** What had come passes on, also what its gateway has given up meanwhile. */
  wake(): void;
  /** Streams break; what had come and not passed on is lost, what had is done and not answered. */
  kill(): void;
  /** Opening a stream works again. */
  start(): void;
}

interface Stream {
  readonly held: WriteRequest[];
  readonly unsaid: WriteResponse[];
  readonly toService: AsyncQueue<WriteRequest>;
  readonly toGateway: AsyncQueue<WriteResponse>;
  given: boolean;
}

export function createRelayedReplica(service: Internal): RelayedReplica {
  const streams = new Set<Stream>();
  let hangs = false;
  let dead = false;

  function pass(stream: Stream): void {
    if (hangs) return;
    for (const request of stream.held.splice(0)) stream.toService.push(request);
    for (const response of stream.unsaid.splice(0)) stream.toGateway.push(response);
    if (stream.given) stream.toService.end();
  }

  async function takeRequests(stream: Stream, requests: AsyncIterable<WriteRequest>): Promise<void> {
    try {
      for await (const request of requests) {
        if (dead) return;
        stream.held.push(request);
        pass(stream);
      }
    } finally {
      stream.given = true;
      pass(stream);
    }
  }

  async function takeResponses(stream: Stream): Promise<void> {
    for await (const response of service.write(stream.toService)) {
      stream.unsaid.push(response);
      pass(stream);
    }
    streams.delete(stream);
  }

  function write(requests: AsyncIterable<WriteRequest>, options?: { signal?: AbortSignal }) {
    const stream: Stream = {
      held: [],
      unsaid: [],
      toService: createAsyncQueue(Number.POSITIVE_INFINITY),
      toGateway: createAsyncQueue(Number.POSITIVE_INFINITY),
      given: false,
    };
    if (dead) stream.toGateway.fail(new Error("nobody is there"));
    else {
      streams.add(stream);
      options?.signal?.addEventListener("abort", () => stream.toGateway.fail(options.signal?.reason));
      void takeRequests(stream, requests).catch(() => {});
      void takeResponses(stream).catch(() => {});
    }
    return stream.toGateway;
  }

  return {
    client: { write } as unknown as Internal,
    hang() {
      hangs = true;
    },
    wake() {
      hangs = false;
      for (const stream of streams) pass(stream);
    },
    kill() {
      dead = true;
      hangs = false;
      for (const { held, toService, toGateway } of streams) {
        held.length = 0;
        toService.end();
        toGateway.fail(new Error("the process died"));
      }
    },
    start() {
      dead = false;
    },
  };
}
