import type { DescMethod, DescService, Message } from "@bufbuild/protobuf";
import {
  type CallOptions,
  type Client,
  Code,
  ConnectError,
  makeAnyClient,
  type Transport,
} from "@connectrpc/connect";
import { toConnectError, UnavailableError } from "../errors.ts";
import type { LocalCall } from "./local-call.ts";
import type { LocalMethod, LocalStream } from "./local-method.ts";
import { createRpcTransport, type RpcAnswer } from "./rpc-transport.ts";
import { first } from "./streams.ts";

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
  return createRpcTransport({
    async unary(method, input, options) {
      const { context, message } = find(method).call(input, options);
      return answer(context, await message);
    },

    async stream(method, input, options) {
      if (method.methodKind === "client_streaming") {
        const { context, message } = find(method).call(input, options);
        return answer(context, once(message));
      }
      const request = method.methodKind === "server_streaming" ? await first(input) : input;
      const { context, messages } = find(method).stream(request, options);
      return answer(context, messages);
    },
  });
}

function answer<Content>(context: LocalCall, message: Content): RpcAnswer<Content> {
  const { responseHeader: header, responseTrailer: trailer } = context;
  return { message, header, trailer };
}

async function* once(message: Promise<Message>): AsyncGenerator<Message> {
  yield await message;
}
