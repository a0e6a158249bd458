import type { ChannelCredentials, MethodDefinition } from "@grpc/grpc-js";
import { service as health } from "grpc-health-check";
import { backoffMs, pause } from "../backoff.ts";
import type { GrpcCalls } from "./grpc-calls.ts";
import { createGrpcChannel, type GrpcChannel, type GrpcChannelDeps } from "./grpc-channel.ts";

/** One process of the mesh, as far as this one knows it. */
export interface GrpcPeer {
  /** host:port */
  readonly address: string;
  readonly calls: GrpcCalls;
  /** Whether it says that it serves. */
  readonly serving: boolean;
  /** Goes on by a new connection with these; calls under way end on the former one. */
  renew(credentials: ChannelCredentials): void;
  close(): void;
}

export interface GrpcPeerDeps extends GrpcChannelDeps {
  /** `serving` is another than before. */
  changed(): void;
}

/** So that a process that is back is called again within a second. */
const reconnect = { firstMs: 50, capMs: 400 };

/**
 * Keeps a connection, by following what the process says of its health: one that drains is left alone before it closes,
 * and one that is gone is known to be before a call finds out.
 */
export function createGrpcPeer(deps: GrpcPeerDeps): GrpcPeer {
  const stop = new AbortController();
  let channel = createGrpcChannel(deps);
  let renewed = new AbortController();
  let serving = false;

  function note(now: boolean): void {
    if (now === serving) return;
    serving = now;
    if (!stop.signal.aborted) deps.changed();
  }

  async function follow(): Promise<void> {
    for (let failures = 0; !stop.signal.aborted; failures++) {
      const signal = AbortSignal.any([stop.signal, renewed.signal]);
      try {
        for await (const { status } of watchHealth(channel, signal)) {
          failures = 0;
          note(status === "SERVING");
        }
      } catch {
        // Why is of no interest: the next attempt tells whether it lasts.
      }
      if (signal.aborted) continue;
      note(false);
      await pause(backoffMs(failures + 1, reconnect), signal);
    }
  }

  void follow();
  return {
    address: deps.address,
    calls: {
      unary: (method, input, options) => channel.unary(method, input, options),
      stream: (method, input, options) => channel.stream(method, input, options),
    },
    get serving() {
      return serving;
    },
    renew(credentials) {
      const former = channel;
      const ended = renewed;
      channel = createGrpcChannel({ ...deps, credentials });
      renewed = new AbortController();
      ended.abort();
      former.close();
    },
    close() {
      stop.abort();
      channel.close();
    },
  };
}

interface HealthStatus {
  status: string;
}

async function* watchHealth({ client }: GrpcChannel, signal: AbortSignal): AsyncGenerator<HealthStatus> {
  const watch = health.Watch as MethodDefinition<object, HealthStatus>;
  const call = client.makeServerStreamRequest(watch.path, watch.requestSerialize, watch.responseDeserialize, {
    service: "",
  });
  const cancel = () => call.cancel();
  signal.addEventListener("abort", cancel);
  try {
    yield* call as AsyncIterable<HealthStatus>;
  } finally {
    signal.removeEventListener("abort", cancel);
    call.cancel();
  }
}
