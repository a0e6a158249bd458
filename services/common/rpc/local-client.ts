import type {
  DescMessage,
  DescMethod,
  DescMethodStreaming,
  DescMethodUnary,
  DescService,
  Message,
  MessageInitShape,
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
import { toConnectError, UnavailableError } from "../errors.ts";
import type { LocalCall } from "./local-call.ts";
import type { LocalMethod, LocalStream } from "./local-method.ts";

/** The method as it is served at this moment; throws `notServed` or `notImplemented`. */
export type FindLocalMethod = (method: DescMethod) => LocalMethod;

export function notServed(service: DescService): Error {
  return toConnectError(new UnavailableError(`${service.typeName} is not available`));
}

export function notImplemented(method: DescMethod): Error {
  const message = `${method.parent.typeName} does not implement ${method.name}`;
  return toConnectError(new ConnectError(message, Code.Unimplemented));
}

/**
 * A client of one service. Unlike those of Connect's `createClient`, whose streams can be ended by a signal only,
 * leaving the iteration of a stream cancels the call.
 */
export function createLocalClient<S extends DescService>(service: S, find: FindLocalMethod): Client<S> {
  return makeAnyClient(service, (method) => {
    const streams = method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming";
    return streams
      ? (input: unknown, options?: CallOptions) => iterate(() => find(method).stream(input, options), options)
      : (input: unknown, options?: CallOptions) => call(find, method, input, options);
  }) as Client<S>;
}

async function call(
  find: FindLocalMethod,
  method: DescMethod,
  input: unknown,
  options: CallOptions | undefined,
): Promise<Message> {
  const { context, message } = find(method).call(input, options);
  const answer = await message;
  options?.onHeader?.(context.responseHeader);
  options?.onTrailer?.(context.responseTrailer);
  return answer;
}

/** The messages of a stream that is opened now, also if nobody iterates yet. */
function iterate(open: () => LocalStream, options: CallOptions | undefined): AsyncIterable<Message> {
  let stream: LocalStream;
  try {
    stream = open();
  } catch (error) {
    return throwing(error);
  }
  return options?.onHeader || options?.onTrailer ? withHeaders(stream, options) : stream.messages;
}

// biome-ignore lint/correctness/useYield: an iteration whose first step fails
async function* throwing(error: unknown): AsyncGenerator<Message> {
  throw error;
}

async function* withHeaders(stream: LocalStream, options: CallOptions): AsyncGenerator<Message> {
  let headers = options.onHeader?.bind(options);
  for await (const message of stream.messages) {
    headers?.(stream.context.responseHeader);
    headers = undefined;
    yield message;
  }
  headers?.(stream.context.responseHeader);
  options.onTrailer?.(stream.context.responseTrailer);
}

/** The same calls as a Connect transport. */
export function createLocalTransport(find: FindLocalMethod): Transport {
  return {
    async unary<I extends DescMessage, O extends DescMessage>(
      method: DescMethodUnary<I, O>,
      signal: AbortSignal | undefined,
      timeoutMs: number | undefined,
      headers: CallOptions["headers"],
      input: MessageInitShape<I>,
    ) {
      const { context, message } = find(method).call(input, callOptions(signal, timeoutMs, headers));
      return { stream: false, ...response(context, await message) } as unknown as UnaryResponse<I, O>;
    },

    async stream<I extends DescMessage, O extends DescMessage>(
      method: DescMethodStreaming<I, O>,
      signal: AbortSignal | undefined,
      timeoutMs: number | undefined,
      headers: CallOptions["headers"],
      input: AsyncIterable<MessageInitShape<I>>,
    ) {
      const options = callOptions(signal, timeoutMs, headers);
      if (method.methodKind === "client_streaming") {
        const { context, message } = find(method).call(input, options);
        return { stream: true, ...response(context, once(message)) } as unknown as StreamResponse<I, O>;
      }
      const request = method.methodKind === "server_streaming" ? await first(input) : input;
      const { context, messages } = find(method).stream(request, options);
      return { stream: true, ...response(context, messages) } as unknown as StreamResponse<I, O>;
    },
  };
}

function response(context: LocalCall, message: unknown) {
  const { service, method, responseHeader: header, responseTrailer: trailer } = context;
  return { service, method, message, header, trailer };
}

/** Calls without options are cheaper. */
function callOptions(
  signal: AbortSignal | undefined,
  timeoutMs: number | undefined,
  headers: CallOptions["headers"],
): CallOptions | undefined {
  if (signal === undefined && timeoutMs === undefined && headers === undefined) return undefined;
  return { signal, timeoutMs, headers } as CallOptions;
}

async function* once(message: Promise<Message>): AsyncGenerator<Message> {
  yield await message;
}

/** The one message of a stream that has but one. */
async function first<T>(items: AsyncIterable<T>): Promise<T> {
  for await (const item of items) return item;
  throw new ConnectError("the request is missing", Code.InvalidArgument);
}
