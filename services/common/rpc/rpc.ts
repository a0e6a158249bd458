import type { DescMethod, DescService, Message } from "@bufbuild/protobuf";
import type { Client, HandlerContext, ServiceImpl, Transport } from "@connectrpc/connect";

/** Where a service offers its RPCs. */
export interface RpcServer {
  /** Takes calls from now on. Throws if the service is served already. */
  serve<S extends DescService>(service: S, implementation: ServiceImpl<S>): ServedService;
}

/** A service that takes calls. */
export interface ServedService {
  /**
   * Refuses further calls as UNAVAILABLE, ends the streams, and resolves when the handlers are done; those that don't
   * end by themselves are aborted after the grace period and no longer waited for.
   */
  close(): Promise<void>;
}

/** Where callers find the RPCs of any service, wherever it runs. It need not be served yet. */
export interface RpcClients {
  /** Leaving the iteration of a stream cancels the call. */
  client<S extends DescService>(service: S): Client<S>;
  /** The same as a Connect transport, for `createClient` and routers. */
  transport(service: DescService): Transport;
  /** The processes that serve a service, for who must know which of them a call goes to. */
  replicas<S extends DescService>(service: S): Replicas<S>;
}

/** The processes that serve a service, as they come and go. */
export interface Replicas<S extends DescService> {
  /** Those that are known now; within one process always one. The same array until it changes. */
  list(): readonly Replica<S>[];
  /** Is called when `list` answers something else than before; answers how to stop that. */
  onChange(listener: () => void): () => void;
}

/** One process that serves a service. The same object for as long as it is known. */
export interface Replica<S extends DescService> {
  /** Its address: unique in the list, and the same again when the process is back. */
  readonly id: string;
  /** Calls go to this process alone, or fail as UNAVAILABLE. */
  readonly client: Client<S>;
}

/**
 * What every call of a method goes through before its handler. It is asked once per method, when the service is
 * served, and answers the check, or undefined where there is nothing to check.
 */
export type ServerInterceptor = (method: DescMethod) => ServerCheck | undefined;

/**
 * Throws to refuse the call. Answers a promise only when it must wait: calls are not slowed down by checks that don't.
 * `request` is undefined for methods whose input is a stream.
 */
export type ServerCheck = (
  context: HandlerContext,
  request: Message | undefined,
) => undefined | Promise<void>;
