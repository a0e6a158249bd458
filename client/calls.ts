import { AuthService } from "#gen/parley/auth/v1/auth_service_pb.js";
import type { Caller } from "./connect-protocol.ts";
import { cancelledError, isSessionError, toParleyError } from "./errors.ts";

/** Where calls get their tokens from. */
export interface TokenSource {
  /** One that is valid now, as far as is known. Rejects if nobody is signed in. */
  accessToken(signal?: AbortSignal): Promise<string>;
  /** Another one in place of one that was refused. */
  replace(refused: string, signal?: AbortSignal): Promise<string>;
}

/** What fails, fails with a ParleyError; what its signal ended has failed by that, whatever came of it. */
export function withTypedErrors(call: Caller): Caller {
  return async function* typed(method, request, options) {
    try {
      yield* call(method, request, options);
    } catch (error) {
      throw options.signal?.aborted ? cancelledError(options.signal) : toParleyError(error);
    }
  };
}

const open = new Set<unknown>([
  AuthService.method.register,
  AuthService.method.login,
  AuthService.method.refresh,
]);

/** Adds the token to each call that has none; one that is refused for its token is made once more with a new one. */
export function withTokens(call: Caller, tokens: TokenSource): Caller {
  return withTypedErrors(async function* withToken(method, request, options) {
    const headers = new Headers(options.headers);
    if (open.has(method) || headers.has("authorization")) {
      yield* call(method, request, options);
      return;
    }
    const { signal } = options;
    const token = await tokens.accessToken(signal);
    headers.set("authorization", `Bearer ${token}`);
    try {
      yield* call(method, request, { ...options, headers });
    } catch (error) {
      if (!isSessionError(toParleyError(error))) throw error;
      headers.set("authorization", `Bearer ${await tokens.replace(token, signal)}`);
      yield* call(method, request, { ...options, headers });
    }
  });
}
