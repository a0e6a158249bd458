import type { DescMethodStreaming, DescMethodUnary, Message } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import type { TokenVerifier } from "../services/common/auth.ts";
import { networkOf } from "../services/common/client-network.ts";
import { DeadlineExceededError, OverloadedError, RateLimitedError } from "../services/common/errors.ts";
import type { Metrics } from "../services/common/metrics.ts";
import { countRefusals, createRateLimiter, type Rate } from "../services/common/rate-limit.ts";
import { clientAddressHeader, requestIdHeader } from "../services/common/rpc/caller.ts";
import type { RpcClients } from "../services/common/rpc/rpc.ts";
import { only } from "../services/common/rpc/streams.ts";
import { traceparentHeader } from "../services/common/tracing.ts";
import { type Admission, type Work, workOf } from "./admission.ts";
import { createKnownServerKeys } from "./known-server-keys.ts";
import { createReadTurns, type ReadTurns } from "./read-turns.ts";

/** The surface by which a call comes in. */
export type Surface = "rest" | "connect" | "grpc_web" | "grpc";

/** What a surface knows of a call besides its message. */
export interface CallOrigin {
  readonly surface: Surface;
  /** The client's network address, as far as trusted proxies tell it. */
  readonly address: string;
  /** Names the call in logs, and in its answer as `x-request-id`. */
  readonly requestId: string;
  /** The Authorization header as it came. */
  readonly authorization: string | undefined;
  /** W3C trace context, as it came or as the call goes on with it. */
  readonly traceparent?: string | undefined;
  /** Whether it came from a trusted proxy, whose word on what is traced counts. */
  readonly fromProxy?: boolean;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
  /** How long the client waits, in ms; undefined if it did not say. */
  readonly timeoutMs: number | undefined;
}

export type PublicMethod = DescMethodUnary | DescMethodStreaming;

/**
 * The one door to the public RPCs: every surface decodes what came, calls through here, and encodes the answer. What
 * holds for all calls whatever way they come (rates, deadlines, what the services are told of the caller) is here.
 */
export interface PublicCalls {
  /**
   * Counts whatever a client asks for against its address, also what is no call. Throws to refuse it. An application
   * makes all its calls from one address: what carries a server key that was found good is counted by key instead. A key
   * that wasn't is counted by address, so trying keys is no faster than anything else.
   */
  admitAddress(address: string, authorization?: string): void;
  /** To be asked before anything is spent on the call's message, its address being admitted. Throws to refuse it. */
  admit(method: PublicMethod, origin: CallOrigin): void;
  /** To be told of what ended a call before `unary` or `stream`: it was not admitted, or not what the RPC takes. */
  refused(method: PublicMethod, origin: CallOrigin, error: unknown): void;
  /** Throws the ConnectErrors that the service's errors have become. */
  unary(method: DescMethodUnary, input: Message, origin: CallOrigin): Promise<Message>;
  /** Leaving the iteration cancels the call. */
  stream(method: DescMethodStreaming, input: Message, origin: CallOrigin): Promise<AsyncIterable<Message>>;
}

export interface PublicCallsDeps {
  rpc: Pick<RpcClients, "transport" | "replicas">;
  verifier: Pick<TokenVerifier, "cached">;
  admission: Admission;
  requestsPerUser: Rate | undefined;
  requestsPerAddress: Rate | undefined;
  requestsPerServerKey: Rate | undefined;
  /** The longest that a call may take, in ms, streams apart. */
  requestTimeoutMs: number;
  /** How long a read may wait for its turn before further ones are refused, in ms. */
  readTargetMs: number;
  metrics?: Metrics | undefined;
}

/** Reads under way at once for each replica of a service: enough to keep it busy, and few enough for the event loop. */
const readsAtOnce = 8;

export function createPublicCalls(deps: PublicCallsDeps): PublicCalls {
  const { admission, readTargetMs } = deps;
  /** By service, so that one that hangs holds up no other. */
  const reads = new Map<string, ReadTurns>();
  const perAddress = createRateLimiter(deps.requestsPerAddress);
  const perUser = createRateLimiter(deps.requestsPerUser);
  const perServerKey = createRateLimiter(deps.requestsPerServerKey);
  const serverKeys = createKnownServerKeys();
  countRefusals(deps.metrics, {
    requests_per_address: perAddress,
    requests_per_user: perUser,
    requests_per_server_key: perServerKey,
  });
  const transportOf = (method: PublicMethod): Transport => deps.rpc.transport(method.parent);

  function readTurnsOf({ parent }: PublicMethod): ReadTurns {
    const known = reads.get(parent.typeName);
    if (known) return known;
    const replicas = deps.rpc.replicas(parent);
    const atOnce = () => readsAtOnce * Math.max(1, replicas.list().length);
    const turns = createReadTurns({ atOnce, targetMs: readTargetMs });
    reads.set(parent.typeName, turns);
    return turns;
  }
  const isTooMuch = (work: Work, method: PublicMethod): boolean =>
    admission.refuses(work) || (work === "read" && readTurnsOf(method).isStanding);

  return {
    admitAddress(address, authorization) {
      const key = serverKeys.known(authorization);
      const wait = key === undefined ? perAddress.take(networkOf(address)) : perServerKey.take(key);
      if (wait > 0) throw new RateLimitedError(wait);
    },

    /** Who is known to ask is counted by person too. */
    admit(method, { authorization }) {
      const work = workOf(method);
      if (work !== undefined && isTooMuch(work, method))
        throw new OverloadedError(undefined, admission.refused(work));
      const token = bearerOf(authorization);
      const caller = token === undefined ? undefined : deps.verifier.cached(token);
      const wait = caller ? perUser.take(caller.userId) : 0;
      if (wait > 0) throw new RateLimitedError(wait);
    },

    refused() {},

    async unary(method, input, origin) {
      const timeoutMs = Math.min(origin.timeoutMs ?? Number.POSITIVE_INFINITY, deps.requestTimeoutMs);
      if (timeoutMs <= 0) throw new DeadlineExceededError();
      const { signal } = origin;
      const call = async (leftMs: number): Promise<Message> => {
        const answer = transportOf(method).unary(method, signal, leftMs, headersOf(origin), input);
        return (await serverKeys.learn(method, origin.authorization, answer)).message;
      };
      const work = workOf(method);
      if (work === "read") return readTurnsOf(method).run({ signal, timeoutMs }, call);
      const began = work === "write" ? admission.began() : undefined;
      try {
        return await call(timeoutMs);
      } finally {
        if (began !== undefined) admission.ended(began);
      }
    },

    async stream(method, input, origin) {
      const { timeoutMs } = origin;
      if (timeoutMs !== undefined && timeoutMs <= 0) throw new DeadlineExceededError();
      const { message } = await transportOf(method).stream(
        method,
        origin.signal,
        timeoutMs,
        headersOf(origin),
        only(input),
      );
      return message;
    },
  };
}

/** What the service is told: who calls, from where, which request this is. Nothing else of the client's headers. */
function headersOf({ address, requestId, authorization, traceparent }: CallOrigin): Headers {
  const headers = new Headers({ [clientAddressHeader]: address, [requestIdHeader]: requestId });
  if (traceparent !== undefined) headers.set(traceparentHeader, traceparent);
  if (authorization !== undefined) headers.set("authorization", authorization);
  return headers;
}

function bearerOf(authorization: string | undefined): string | undefined {
  const match = /^bearer +(\S+)$/i.exec(authorization ?? "");
  return match?.[1];
}
