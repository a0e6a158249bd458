import type { Logger } from "pino";
import type { RpcClients, RpcServer, ServerInterceptor } from "./rpc.ts";

export interface LocalRpc extends RpcServer, RpcClients {
  /** Adds to what the calls of every service served from now on go through, in order. */
  intercept(interceptors: readonly ServerInterceptor[]): void;
  /** Closes every service that is served. */
  close(): Promise<void>;
}

export interface LocalRpcDeps {
  logger: Logger;
  interceptors?: readonly ServerInterceptor[];
}

export declare function createLocalRpc(deps: LocalRpcDeps): LocalRpc;
