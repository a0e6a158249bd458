import type { TokenVerifier } from "../auth.ts";
import type { Validator } from "../validation.ts";
import type { ServerInterceptor } from "./rpc.ts";

/** Tells whether a server key of an embedding application is valid; throws UnauthenticatedError if not. */
export interface ServerKeyVerifier {
  verify(key: string): Promise<void>;
}

export interface ServerInterceptorDeps {
  verifier: TokenVerifier;
  validator: Validator;
  /** Without it, every RPC for server keys is refused. */
  serverKeys?: ServerKeyVerifier;
}

/** What every call to a service of Parley goes through: who calls, then the rules of its fields. */
export declare function createServerInterceptors(deps: ServerInterceptorDeps): ServerInterceptor[];
