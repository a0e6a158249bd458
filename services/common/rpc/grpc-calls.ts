import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodStreaming,
  type DescMethodUnary,
  type DescService,
  type Message,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import {
  type CallOptions,
  type Client,
  Code,
  ConnectError,
  makeAnyClient,
  type StreamResponse,
  type Transport,
  type UnaryResponse,
} from "@connectrpc/connect";

/** Calls that leave the process, to one other or to whichever of several. */
export interface GrpcCalls {
  /** Rejects with ConnectErrors that carry a reason. */
  unary(method: DescMethodUnary, input: Message, options: CallOptions): Promise<Message>;
  /**
   * Opens the call at once. The input is read as fast as the other side takes it; leaving the iteration cancels the
   * call, and so does an input that throws.
   */
  stream(method: DescMethod, input: AsyncIterable<Message>, options: CallOptions): AsyncIterable<Message>;
}

/** A client of one service. Unlike those of Connect's `createClient`, leaving the iteration of a stream ends the call. */
export function createGrpcClient<S extends DescService>(service: S, calls: GrpcCalls): Client<S> {
  return makeAnyClient(service, (method) => {
    switch (method.methodKind) {
      case "unary":
        return (input: unknown, options: CallOptions = {}) =>
          calls.unary(method as DescMethodUnary, messageOf(method, input), options);
      case "server_streaming":
        return (input: unknown, options: CallOptions = {}) =>
          calls.stream(method, only(messageOf(method, input)), options);
      case "client_streaming":
        return (input: unknown, options: CallOptions = {}) =>
          theOne(calls.stream(method, messagesOf(method, input), options));
      default:
        return (input: unknown, options: CallOptions = {}) =>
          calls.stream(method, messagesOf(method, input), options);
    }
  }) as Client<S>;
}

/** The same calls as a Connect transport. Headers of answers are not told: nothing between services is said by them. */
export function createGrpcTransport(calls: GrpcCalls): Transport {
  return {
    async unary<I extends DescMessage, O extends DescMessage>(
      method: DescMethodUnary<I, O>,
      signal: AbortSignal | undefined,
      timeoutMs: number | undefined,
      headers: CallOptions["headers"],
      input: MessageInitShape<I>,
    ) {
      const options = { signal, timeoutMs, headers } as CallOptions;
      const message = await calls.unary(method, messageOf(method, input), options);
      return { stream: false, ...response(method, message) } as unknown as UnaryResponse<I, O>;
    },

    async stream<I extends DescMessage, O extends DescMessage>(
      method: DescMethodStreaming<I, O>,
      signal: AbortSignal | undefined,
      timeoutMs: number | undefined,
      headers: CallOptions["headers"],
      input: AsyncIterable<MessageInitShape<I>>,
    ) {
      const options = { signal, timeoutMs, headers } as CallOptions;
      const messages = calls.stream(method, messagesOf(method, input), options);
      return { stream: true, ...response(method, messages) } as unknown as StreamResponse<I, O>;
    },
  };
}

function response(method: DescMethod, message: unknown) {
  return { service: method.parent, method, message, header: new Headers(), trailer: new Headers() };
}

function messageOf(method: DescMethod, input: unknown): Message {
  return create(method.input, input as MessageInitShape<typeof method.input>);
}

async function* messagesOf(method: DescMethod, input: unknown): AsyncGenerator<Message> {
  for await (const item of input as AsyncIterable<unknown>) yield messageOf(method, item);
}

async function* only(message: Message): AsyncGenerator<Message> {
  yield message;
}

async function theOne(messages: AsyncIterable<Message>): Promise<Message> {
  let found: Message | undefined;
  for await (const message of messages) found ??= message;
  if (found === undefined) throw new ConnectError("the answer is missing", Code.Unimplemented);
  return found;
}
