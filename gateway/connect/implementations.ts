import type { DescMethod, DescMethodStreaming, DescMethodUnary, Message } from "@bufbuild/protobuf";
import {
  type ConnectRouter,
  createContextKey,
  type HandlerContext,
  type MethodImpl,
} from "@connectrpc/connect";
import { httpStatusOf, retryAfterMsOf, toConnectError } from "../../services/common/errors.ts";
import type { CallOrigin, PublicCalls } from "../calls.ts";

/** Where a call comes from, and what is wrong with it that the library must not be the one to say. */
export interface Prelude {
  readonly origin: CallOrigin;
  readonly fault: unknown;
}

export const preludeKey = createContextKey<Prelude | undefined>(undefined, { description: "prelude" });

/** Offers a public RPC on the router. Throws for one whose input is a stream. */
export function offer(router: ConnectRouter, method: DescMethod, calls: PublicCalls): void {
  switch (method.methodKind) {
    case "unary":
      router.rpc(method as DescMethodUnary, unaryOf(method as DescMethodUnary, calls));
      break;
    case "server_streaming":
      router.rpc(method as DescMethodStreaming, streamOf(method as DescMethodStreaming, calls));
      break;
    default:
      throw new Error(`${method.parent.typeName}.${method.name}: public RPCs take one message`);
  }
}

/** The library's request gate: it comes first, and what it throws is written in the protocol of the request. */
export function refuseFaults(context: HandlerContext): void {
  const fault = context.values.get(preludeKey)?.fault;
  if (fault !== undefined) throw seenFrom(context, fault);
}

function unaryOf(method: DescMethodUnary, calls: PublicCalls): MethodImpl<DescMethodUnary> {
  return async (input: Message, context: HandlerContext) => {
    try {
      return await calls.unary(method, input, originOf(context));
    } catch (error) {
      throw seenFrom(context, error);
    }
  };
}

function streamOf(method: DescMethodStreaming, calls: PublicCalls): MethodImpl<DescMethodStreaming> {
  async function* stream(input: Message, context: HandlerContext): AsyncGenerator<Message> {
    try {
      yield* await calls.stream(method, input, originOf(context));
    } catch (error) {
      throw seenFrom(context, error);
    }
  }
  return stream as MethodImpl<DescMethodStreaming>;
}

/** As the library sees it by now: its signal knows the deadline too. */
function originOf(context: HandlerContext): CallOrigin {
  const prelude = context.values.get(preludeKey);
  if (prelude === undefined) throw new Error("the call has no origin");
  return { ...prelude.origin, signal: context.signal, timeoutMs: context.timeoutMs() };
}

/** The error as clients see it, with what HTTP has headers for. */
function seenFrom(context: HandlerContext, error: unknown) {
  const seen = toConnectError(error);
  const retryAfter = retryAfterMsOf(seen);
  if (retryAfter !== undefined)
    context.responseHeader.set("retry-after", String(Math.max(1, Math.ceil(retryAfter / 1000))));
  if (httpStatusOf(seen) === 401) context.responseHeader.set("www-authenticate", "Bearer");
  return seen;
}
