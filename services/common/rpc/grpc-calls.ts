import {
  create,
  type DescMethod,
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
  type Transport,
} from "@connectrpc/connect";
import { createRpcTransport, type RpcAnswer } from "./rpc-transport.ts";
import { only } from "./streams.ts";

/** Calls that leave the process, to one other or to whichever of several. */
export interface GrpcCalls {
  /** Rejects with ConnectErrors that carry a reason. */
  unary(method: DescMethodUnary, input: Message, options: CallOptions): Promise<Message>;
  /**
   * Opened when it is iterated, if not before. The input is read as fast as the other side takes it; leaving the
   * iteration cancels the call, and so does an input that throws.
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
  return createRpcTransport({
    async unary(method, input, options = {}) {
      return answer(await calls.unary(method, messageOf(method, input), options));
    },
    async stream(method, input, options = {}) {
      return answer(calls.stream(method, messagesOf(method, input), options));
    },
  });
}

function answer<Content>(message: Content): RpcAnswer<Content> {
  return { message, header: new Headers(), trailer: new Headers() };
}

function messageOf(method: DescMethod, input: unknown): Message {
  return create(method.input, input as MessageInitShape<typeof method.input>);
}

async function* messagesOf(method: DescMethod, input: unknown): AsyncGenerator<Message> {
  for await (const item of input as AsyncIterable<unknown>) yield messageOf(method, item);
}

async function theOne(messages: AsyncIterable<Message>): Promise<Message> {
  let found: Message | undefined;
  for await (const message of messages) found ??= message;
  if (found === undefined) throw new ConnectError("the answer is missing", Code.Unimplemented);
  return found;
}
