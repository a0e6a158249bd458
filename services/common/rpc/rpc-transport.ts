import type {
  DescMessage,
  DescMethodStreaming,
  DescMethodUnary,
  Message,
  MessageInitShape,
} from "@bufbuild/protobuf";
import type { CallOptions, StreamResponse, Transport, UnaryResponse } from "@connectrpc/connect";

/** What a call answers. */
export interface RpcAnswer<Content> {
  readonly message: Content;
  readonly header: Headers;
  readonly trailer: Headers;
}

/** Calls as a transport makes them. Without options none are given: that is cheaper. */
export interface TransportCalls {
  unary(
    method: DescMethodUnary,
    input: unknown,
    options: CallOptions | undefined,
  ): Promise<RpcAnswer<Message>>;
  stream(
    method: DescMethodStreaming,
    input: AsyncIterable<unknown>,
    options: CallOptions | undefined,
  ): Promise<RpcAnswer<AsyncIterable<Message>>>;
}

/** The calls as a Connect transport, for `createClient` and routers. */
export function createRpcTransport(calls: TransportCalls): Transport {
  return {
    async unary<I extends DescMessage, O extends DescMessage>(
      method: DescMethodUnary<I, O>,
      signal: AbortSignal | undefined,
      timeoutMs: number | undefined,
      headers: CallOptions["headers"],
      input: MessageInitShape<I>,
    ) {
      const answer = await calls.unary(method, input, callOptions(signal, timeoutMs, headers));
      const { parent: service } = method;
      return { stream: false, service, method, ...answer } as unknown as UnaryResponse<I, O>;
    },

    async stream<I extends DescMessage, O extends DescMessage>(
      method: DescMethodStreaming<I, O>,
      signal: AbortSignal | undefined,
      timeoutMs: number | undefined,
      headers: CallOptions["headers"],
      input: AsyncIterable<MessageInitShape<I>>,
    ) {
      const answer = await calls.stream(method, input, callOptions(signal, timeoutMs, headers));
      const { parent: service } = method;
      return { stream: true, service, method, ...answer } as unknown as StreamResponse<I, O>;
    },
  };
}

function callOptions(
  signal: AbortSignal | undefined,
  timeoutMs: number | undefined,
  headers: CallOptions["headers"],
): CallOptions | undefined {
  if (signal === undefined && timeoutMs === undefined && headers === undefined) return undefined;
  return { signal, timeoutMs, headers } as CallOptions;
}
