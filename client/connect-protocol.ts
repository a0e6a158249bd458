import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Code, codeNamed } from "./code.ts";
import { errorOfDetails, type ParleyError, unavailableError } from "./errors.ts";

/** What a call may be given besides its request. */
export interface CallOptions {
  /** Ends the call, which fails with CANCELLED. */
  signal?: AbortSignal;
  /** After so many ms it fails with DEADLINE_EXCEEDED. */
  timeoutMs?: number;
  /** Further headers. */
  headers?: ConstructorParameters<typeof Headers>[0];
}

/** The calls of a service: a promise of the answer, or for streams what comes one after the other. */
export type Client<S extends DescService> = {
  [P in keyof S["method"]]: S["method"][P] extends DescMethodUnary<infer I, infer O>
    ? (request: MessageInitShape<I>, options?: CallOptions) => Promise<MessageShape<O>>
    : S["method"][P] extends DescMethodServerStreaming<infer I, infer O>
      ? (request: MessageInitShape<I>, options?: CallOptions) => AsyncIterable<MessageShape<O>>
      : never;
};

/** Makes one call: by the Connect protocol, in Protobuf's binary form. */
export type Caller = <O extends DescMessage>(
  method: DescMethod & { readonly output: O },
  request: Uint8Array,
  options: CallOptions,
) => AsyncIterable<MessageShape<O>>;

export function createClient<S extends DescService>(service: S, call: Caller): Client<S> {
  const client: Record<string, unknown> = {};
  for (const method of service.methods) {
    const start = (request: object, options: CallOptions = {}) =>
      call(method, toBinary(method.input, create(method.input, request as never)), options);
    client[method.localName] = method.methodKind === "unary" ? only(start) : start;
  }
  return client as Client<S>;
}

/** The one message of what is no stream. */
function only<T>(start: (request: object, options?: CallOptions) => AsyncIterable<T>) {
  return async (request: object, options?: CallOptions): Promise<T> => {
    for await (const message of start(request, options)) return message;
    throw unavailableError("the answer was cut off");
  };
}

export function createCaller(baseUrl: string): Caller {
  return async function* call(method, request, options) {
    const isStream = method.methodKind !== "unary";
    const type = isStream ? "application/connect+proto" : "application/proto";
    const headers = new Headers(options.headers);
    headers.set("content-type", type);
    headers.set("connect-protocol-version", "1");
    const signals = options.signal ? [options.signal] : [];
    if (options.timeoutMs !== undefined) {
      // What is left of a longer time may be a fraction, or less than nothing: neither is a time to a signal.
      const timeoutMs = Math.max(Math.ceil(options.timeoutMs), 0);
      headers.set("connect-timeout-ms", String(timeoutMs));
      signals.push(AbortSignal.timeout(timeoutMs));
    }
    const body = (isStream ? envelope(request) : request) as Uint8Array<ArrayBuffer>;
    const signal = signals.length > 0 ? AbortSignal.any(signals) : null;
    const answer = await fetch(`${baseUrl}/${method.parent.typeName}/${method.name}`, {
      method: "POST",
      headers,
      body,
      signal,
    });
    const isAnswer = answer.headers.get("content-type")?.startsWith(type);
    if (!answer.ok || !isAnswer) throw await refusal(answer);
    if (!isStream) yield fromBinary(method.output, new Uint8Array(await answer.arrayBuffer()));
    else for await (const message of envelopes(answer.body)) yield fromBinary(method.output, message);
  };
}

async function refusal(answer: Response): Promise<ParleyError> {
  const text = await answer.text();
  try {
    return errorOfJson(JSON.parse(text));
  } catch {
    return unavailableError(`HTTP ${answer.status}`);
  }
}

interface WireError {
  code?: unknown;
  message?: unknown;
  details?: { type: string; value: string }[];
}

function errorOfJson({ code, message, details = [] }: WireError): ParleyError {
  return errorOfDetails(
    codeNamed(code) ?? Code.Unavailable,
    String(message ?? ""),
    details.map(({ type, value }) => ({ type, value: Uint8Array.from(atob(value), (c) => c.charCodeAt(0)) })),
  );
}

/** A message of a stream: a byte of flags, four of length, and the message. */
function envelope(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(5 + message.length);
  new DataView(bytes.buffer).setUint32(1, message.length);
  bytes.set(message, 5);
  return bytes;
}

/** The flag of the last envelope, which says how the stream ended. */
const isLast = 2;

async function* envelopes(body: ReadableStream<Uint8Array> | null): AsyncIterable<Uint8Array> {
  const reader = body?.getReader();
  let rest = new Uint8Array();
  try {
    for (;;) {
      while (rest.length >= 5) {
        const length = new DataView(rest.buffer, rest.byteOffset).getUint32(1);
        if (rest.length < 5 + length) break;
        const message = rest.subarray(5, 5 + length);
        const flags = rest[0]!;
        rest = rest.subarray(5 + length);
        if ((flags & isLast) === 0) yield message;
        else {
          const { error } = JSON.parse(new TextDecoder().decode(message)) as { error?: WireError };
          if (error) throw errorOfJson(error);
          return;
        }
      }
      const { done = true, value } = (await reader?.read()) ?? {};
      if (done || !value) throw unavailableError("the stream was cut off");
      const joined = new Uint8Array(rest.length + value.length);
      joined.set(rest);
      joined.set(value, rest.length);
      rest = joined;
    }
  } finally {
    // Who leaves early wants no more of it.
    reader?.cancel().catch(() => {});
  }
}
