import type { Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { AuthService } from "#gen/parley/auth/v1/auth_service_pb.js";
import { cancelledError, isSessionError, toParleyError } from "./errors.ts";

/** Calls without a token; errors are ParleyErrors. */
export function createOpenTransport(baseUrl: string): Transport {
  const inner = createConnectTransport({ baseUrl, useBinaryFormat: true });
  return {
    async unary(...args) {
      try {
        return await inner.unary(...args);
      } catch (error) {
        throw toParleyError(error);
      }
    },
    async stream(...args) {
      try {
        const answer = await inner.stream(...args);
        return { ...answer, message: typed(answer.message) };
      } catch (error) {
        throw toParleyError(error);
      }
    },
  };
}

async function* typed<T>(messages: AsyncIterable<T>): AsyncIterable<T> {
  try {
    yield* messages;
  } catch (error) {
    throw toParleyError(error);
  }
}

/** Where calls get their tokens from. */
export interface TokenSource {
  /** One that is valid now, as far as is known. Rejects if nobody is signed in. */
  accessToken(signal?: AbortSignal): Promise<string>;
  /** Another one in place of one that was refused. */
  replace(refused: string, signal?: AbortSignal): Promise<string>;
}

const open = new Set<unknown>([
  AuthService.method.register,
  AuthService.method.login,
  AuthService.method.refresh,
]);

/**
 * Adds the token to each call that has none; one that is refused for its token is made once more with a new one. What
 * its signal ended has failed by that, whatever came of it.
 */
export function withTokens(transport: Transport, tokens: TokenSource): Transport {
  return {
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      const call = (token?: string) =>
        transport.unary(method, signal, timeoutMs, withToken(header, token), input, contextValues);
      try {
        if (open.has(method) || new Headers(header).has("authorization")) return await call();
        const token = await tokens.accessToken(signal);
        try {
          return await call(token);
        } catch (error) {
          if (!isSessionError(toParleyError(error))) throw error;
          return await call(await tokens.replace(token, signal));
        }
      } catch (error) {
        throw signal?.aborted ? cancelledError(signal) : toParleyError(error);
      }
    },
    async stream(method, signal, timeoutMs, header, input, contextValues) {
      const token = await tokens.accessToken(signal);
      return await transport.stream(
        method,
        signal,
        timeoutMs,
        withToken(header, token),
        input,
        contextValues,
      );
    },
  };
}

function withToken(header: ConstructorParameters<typeof Headers>[0], token: string | undefined): Headers {
  const headers = new Headers(header);
  if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
  return headers;
}
