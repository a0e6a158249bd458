import type { DescMethodUnary, DescService } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { ChannelCredentials } from "@grpc/grpc-js";
import type { Logger } from "pino";
import { backoffMs, pause } from "../backoff.ts";
import { reasonOf, toConnectError, UnavailableError } from "../errors.ts";
import { abortedBy } from "./abort-reason.ts";
import { type GrpcUrl, type ResolveHost, watchAddresses } from "./grpc-addresses.ts";
import { createGrpcClient, type GrpcCalls } from "./grpc-calls.ts";
import type { GrpcIdentity } from "./grpc-channel.ts";
import { isUnsent } from "./grpc-failure.ts";
import { createGrpcPeer, type GrpcPeer } from "./grpc-peer.ts";
import { createRetryBudget } from "./retry-budget.ts";
import type { Replica, Replicas } from "./rpc.ts";

export interface GrpcTargetDeps {
  /** What is there, for messages and logs: "message". */
  name: string;
  url: GrpcUrl;
  credentials: ChannelCredentials;
  identity: GrpcIdentity;
  logger: Logger;
  resolve?: ResolveHost | undefined;
  resolveIntervalMs?: number | undefined;
}

/** The processes behind one URL. */
export interface GrpcTarget extends GrpcCalls {
  replicas<S extends DescService>(service: S): Replicas<S>;
  /** From now on new connections are made with these. */
  renew(credentials: ChannelCredentials): void;
  close(): void;
}

/** How long a call waits for a process that serves, in ms, before it is UNAVAILABLE: a restart shows in latency only. */
const patienceMs = 2000;
const maxAttempts = 3;
const retryBackoff = { firstMs: 20, capMs: 200 };

/**
 * Calls go in turn to the processes that say they serve. One that fails as UNAVAILABLE is made again, at another
 * process if there is one, if it was never sent or may be repeated by its contract, and as far as the budget of retries
 * goes. Streams are not: who opened one knows what to do.
 */
export function createGrpcTarget(deps: GrpcTargetDeps): GrpcTarget {
  const { name, url, identity, logger } = deps;
  const stop = new AbortController();
  const peers = new Map<string, GrpcPeer>();
  const budget = createRetryBudget();
  const waiting = new Set<() => void>();
  const listeners = new Set<() => void>();
  let credentials = deps.credentials;
  let turn = 0;

  function open(address: string, host: string): GrpcPeer {
    return createGrpcPeer({
      address,
      credentials,
      serverName: url.tls ? host : undefined,
      identity,
      changed() {
        for (const wake of waiting) wake();
      },
    });
  }

  function setAddresses(addresses: readonly string[], hostOf: (address: string) => string): void {
    for (const [address, peer] of peers) {
      if (addresses.includes(address)) continue;
      peers.delete(address);
      peer.close();
    }
    for (const address of addresses) {
      if (!peers.has(address)) peers.set(address, open(address, hostOf(address)));
    }
    logger.info({ service: name, addresses }, "processes of the mesh");
    for (const listener of listeners) listener();
  }

  /** Whose turn it is of those that serve, `except` last. */
  function pick(except?: GrpcPeer): GrpcPeer | undefined {
    const serving = [...peers.values()].filter((peer) => peer.serving);
    const others = serving.filter((peer) => peer !== except);
    const choice = others.length > 0 ? others : serving;
    turn = (turn + 1) % 0x7fffffff;
    return choice[turn % choice.length];
  }

  /** The next one that serves, waited for if there is none. Rejects as UNAVAILABLE, also when the caller gave up. */
  async function available(
    options: { signal?: AbortSignal | undefined },
    except?: GrpcPeer,
  ): Promise<GrpcPeer> {
    const found = pick(except);
    if (found) return found;
    const { promise, resolve } = Promise.withResolvers<void>();
    const patience = AbortSignal.timeout(patienceMs);
    const signal = AbortSignal.any([patience, stop.signal, ...(options.signal ? [options.signal] : [])]);
    signal.addEventListener("abort", () => resolve());
    const wake = () => {
      if (pick(except)) resolve();
    };
    waiting.add(wake);
    await promise;
    waiting.delete(wake);
    const peer = pick(except);
    if (options.signal?.aborted) throw abortedBy(options.signal);
    if (peer === undefined) throw toConnectError(new UnavailableError(`${name} is not available`));
    return peer;
  }

  void watchAddresses(url, setAddresses, stop.signal, {
    logger,
    ...(deps.resolve && { resolve: deps.resolve }),
    ...(deps.resolveIntervalMs && { intervalMs: deps.resolveIntervalMs }),
  });

  return {
    async unary(method, input, options) {
      const until = options.timeoutMs ? Date.now() + options.timeoutMs : undefined;
      let failed: GrpcPeer | undefined;
      for (let attempt = 1; ; attempt++) {
        const peer = await available(options, failed);
        const timeoutMs = until === undefined ? undefined : Math.max(1, until - Date.now());
        try {
          const answer = await peer.calls.unary(method, input, { ...options, timeoutMs } as typeof options);
          budget.succeeded();
          return answer;
        } catch (error) {
          failed = peer;
          if (attempt === maxAttempts || !mayRepeat(method, error) || !budget.take()) throw error;
          await pause(backoffMs(attempt, retryBackoff), options.signal ?? stop.signal);
        }
      }
    },

    async *stream(method, input, options) {
      const peer = await available(options);
      yield* peer.calls.stream(method, input, options);
    },

    replicas<S extends DescService>(service: S): Replicas<S> {
      let list: readonly Replica<S>[] = [];
      const known = new Map<GrpcPeer, Replica<S>>();
      function refresh(): void {
        const present = new Set(peers.values());
        for (const peer of known.keys()) if (!present.has(peer)) known.delete(peer);
        for (const peer of present)
          if (!known.has(peer))
            known.set(peer, { id: peer.address, client: createGrpcClient(service, peer.calls) });
        list = [...known.values()];
      }
      refresh();
      listeners.add(refresh);
      return {
        list: () => list,
        onChange(listener) {
          listeners.add(listener);
          return () => void listeners.delete(listener);
        },
      };
    },

    renew(renewed) {
      credentials = renewed;
      for (const peer of peers.values()) peer.renew(renewed);
    },

    close() {
      stop.abort();
      for (const peer of peers.values()) peer.close();
      peers.clear();
    },
  };
}

function mayRepeat(method: DescMethodUnary, error: unknown): boolean {
  if (reasonOf(error) !== "UNAVAILABLE") return false;
  return isUnsent(error) || method.idempotency !== MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN;
}
