import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type {
  RealtimeService,
  SubscribeRequest,
  SubscribeResponse,
} from "#gen/parley/realtime/v1/realtime_service_pb.js";
import { UnavailableError } from "../../services/common/errors.ts";
import { clientAddress, requireCaller } from "../../services/common/rpc/caller.ts";
import type { Connection } from "./connection.ts";
import type { FrameSink } from "./frame-sink.ts";
import type { Hellos } from "./hello.ts";
import { createStreamSink, type StreamSink } from "./stream-sink.ts";

/** The close code that says so of a client that left without a word, as all of a stream do. */
const lost = 1006;

export interface SubscriptionDeps {
  hellos: Pick<Hellos, "subscribe">;
  /** Throws if this address may not begin a connection now. */
  admit(address: string): void;
  opened(sink: FrameSink, address: string): Connection;
  closed(connection: Connection, code: number): void;
}

/**
 * RealtimeService: a connection without a client's side. The request is its hello, what a hello would be refused with
 * ends the call, and from `ready` on it is a connection like any other, until its reader leaves or has its goodbye.
 */
export function createSubscriptions(deps: SubscriptionDeps): ServiceImpl<typeof RealtimeService> {
  function open(address: string, ended: () => void): { connection: Connection; sink: StreamSink } {
    const sink = createStreamSink({
      taken() {
        connection.silent = 0;
      },
      drained: () => connection.drained(),
      ended() {
        connection.closed = true;
        deps.closed(connection, lost);
        ended();
      },
    });
    const connection = deps.opened(sink, address);
    connection.helloStarted = true;
    return { connection, sink };
  }

  async function* subscribe(
    request: SubscribeRequest,
    context: HandlerContext,
  ): AsyncGenerator<SubscribeResponse> {
    const caller = requireCaller(context);
    const address = clientAddress(context) ?? "";
    deps.admit(address);
    const ended = Promise.withResolvers<void>();
    const { connection, sink } = open(address, ended.resolve);
    // Not only when it is next asked for an item: who is gone is forgotten at once.
    context.signal.addEventListener("abort", sink.leave);
    try {
      await Promise.race([deps.hellos.subscribe(connection, caller, request), ended.promise]);
      if (!connection.ready) throw new UnavailableError("connections can't begin right now, try again");
      yield* sink.frames();
    } finally {
      context.signal.removeEventListener("abort", sink.leave);
      sink.leave();
    }
  }

  return { subscribe };
}
