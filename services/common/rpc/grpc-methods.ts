import { once } from "node:events";
import {
  type DescMethod,
  type DescMethodStreaming,
  type DescMethodUnary,
  type DescService,
  fromBinary,
  type Message,
  toBinary,
} from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import {
  Metadata,
  type MethodDefinition,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  type UntypedHandleCall,
} from "@grpc/grpc-js";
import type { Logger } from "pino";
import { bufferOf } from "../buffers.ts";
import { DomainError, InvalidArgumentError } from "../errors.ts";
import { type GrpcCall, grpcCallOf } from "./grpc-call.ts";
import { grpcStatusOf } from "./grpc-status.ts";

/** Answers the calls of a gRPC server. What it throws becomes the call's status. */
export interface GrpcDispatch {
  /** `decode` throws InvalidArgumentError for what is no message of the method. */
  unary(method: DescMethodUnary, decode: () => Message, call: GrpcCall): Promise<Message>;
  /** Leaving the iteration ends the call. */
  stream(method: DescMethodStreaming, decode: () => Message, call: GrpcCall): Promise<AsyncIterable<Message>>;
  /** The same where the caller streams too; without it, such methods can't be offered. What can't be decoded throws. */
  duplex?(
    method: DescMethodStreaming,
    input: AsyncIterable<Message>,
    call: GrpcCall,
  ): Promise<AsyncIterable<Message>>;
}

export interface GrpcMethodsDeps {
  dispatch: GrpcDispatch;
  logger: Logger;
}

/** As `Server.addService` takes it. */
export interface GrpcService {
  readonly definition: Record<string, MethodDefinition<unknown, unknown>>;
  readonly handlers: Record<string, UntypedHandleCall>;
}

/** Offers a service from its descriptor. Throws for one with a method that the dispatch has no way for. */
export function createGrpcService(service: DescService, deps: GrpcMethodsDeps): GrpcService {
  const entries = service.methods.map((method) => [method.localName, method] as const);
  return {
    definition: Object.fromEntries(entries.map(([name, method]) => [name, definitionOf(method)])),
    handlers: Object.fromEntries(entries.map(([name, method]) => [name, handlerOf(method, deps)])),
  };
}

/**
 * Requests are decoded by the handler and not by grpc-js: it would do so before anybody is asked whether the call may
 * come in, and what can't be decoded would be INTERNAL.
 */
function definitionOf(method: DescMethod): MethodDefinition<unknown, unknown> {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: takesStream(method),
    responseStream: method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming",
    requestSerialize: (bytes) => bytes as Buffer,
    requestDeserialize: (bytes) => bytes,
    responseSerialize: (message) => bufferOf(toBinary(method.output, message as Message)),
    responseDeserialize: (bytes) => fromBinary(method.output, bytes),
  };
}

function handlerOf(method: DescMethod, deps: GrpcMethodsDeps): UntypedHandleCall {
  switch (method.methodKind) {
    case "unary":
      return unaryHandler(method as DescMethodUnary, deps);
    case "server_streaming":
      return streamHandler(method as DescMethodStreaming, deps);
    case "client_streaming":
      if (deps.dispatch.duplex)
        return uploadHandler(method as DescMethodStreaming, deps.dispatch.duplex, deps);
      break;
    case "bidi_streaming":
      if (deps.dispatch.duplex)
        return duplexHandler(method as DescMethodStreaming, deps.dispatch.duplex, deps);
  }
  throw new Error(`${method.parent.typeName}.${method.name}: ${method.methodKind} is not offered here`);
}

function takesStream({ methodKind }: DescMethod): boolean {
  return methodKind === "client_streaming" || methodKind === "bidi_streaming";
}

function unaryHandler(method: DescMethodUnary, deps: GrpcMethodsDeps) {
  return async (call: ServerUnaryCall<Buffer, Message>, answer: sendUnaryData<Message>) => {
    try {
      answer(null, await deps.dispatch.unary(method, decoder(method, call.request), grpcCallOf(call)));
    } catch (error) {
      answer(statusOf(error, method, deps));
    }
  };
}

function streamHandler(method: DescMethodStreaming, deps: GrpcMethodsDeps) {
  return (call: ServerWritableStream<Buffer, Message>) => {
    const decode = decoder(method, call.request);
    return answerStream(method, call, (known) => deps.dispatch.stream(method, decode, known), deps);
  };
}

function duplexHandler(
  method: DescMethodStreaming,
  open: NonNullable<GrpcDispatch["duplex"]>,
  deps: GrpcMethodsDeps,
) {
  return (call: ServerDuplexStream<Buffer, Message>) =>
    answerStream(method, call, (known) => open(method, decodeAll(method, call), known), deps);
}

function uploadHandler(
  method: DescMethodStreaming,
  open: NonNullable<GrpcDispatch["duplex"]>,
  deps: GrpcMethodsDeps,
) {
  return async (call: ServerReadableStream<Buffer, Message>, answer: sendUnaryData<Message>) => {
    try {
      const items = await open(method, decodeAll(method, call), grpcCallOf(call));
      for await (const item of items) return answer(null, item);
      throw new Error(`${method.parent.typeName}/${method.name} answered nothing`);
    } catch (error) {
      answer(statusOf(error, method, deps));
    }
  };
}

/** Is read as fast as it is asked for. Whoever stops asking has not ended the call: it may go on answering. */
async function* decodeAll(
  method: DescMethod,
  call: ServerReadableStream<Buffer, Message> | ServerDuplexStream<Buffer, Message>,
): AsyncGenerator<Message> {
  for await (const bytes of call.iterator({ destroyOnReturn: false })) yield decoder(method, bytes)();
}

/** One item is under way at a time beyond what grpc-js holds back for a reader that is slow: the rest isn't asked for. */
async function answerStream(
  method: DescMethodStreaming,
  call: ServerWritableStream<Buffer, Message> | ServerDuplexStream<Buffer, Message>,
  open: (known: GrpcCall) => Promise<AsyncIterable<Message>>,
  deps: GrpcMethodsDeps,
): Promise<void> {
  const known = grpcCallOf(call);
  try {
    const items = await open(known);
    call.sendMetadata(new Metadata());
    for await (const item of items) {
      if (known.signal.aborted) return;
      if (!call.write(item)) await once(call, "drain", { signal: known.signal });
    }
    call.end();
  } catch (error) {
    if (!known.signal.aborted) call.emit("error", statusOf(error, method, deps));
  }
}

function decoder(method: DescMethod, bytes: Buffer): () => Message {
  return () => {
    try {
      return fromBinary(method.input, bytes);
    } catch {
      const description = `the message must be a binary ${method.input.typeName}`;
      throw new InvalidArgumentError([{ field: "", description }]);
    }
  };
}

/** Errors of the services were logged where they were raised. */
function statusOf(error: unknown, { parent, name }: DescMethod, { logger }: GrpcMethodsDeps) {
  if (!(error instanceof ConnectError || error instanceof DomainError))
    logger.error({ err: error, method: `${parent.typeName}/${name}` }, "a call failed");
  return grpcStatusOf(error);
}
