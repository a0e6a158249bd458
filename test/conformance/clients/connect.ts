import type { DescMethodStreaming, DescMethodUnary, Message } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import type { StreamResponse, Transport, UnaryResponse } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { only } from "../../../services/common/rpc/streams.ts";
import { type Answer, answerOfError, goodAnswer, undecodableText } from "./answer.ts";
import { type Call, type CallClient, messageOf, type Surface } from "./client.ts";

/** The transports of connect-web, as a page uses them. */
export const connectJson = surface("Connect, JSON", (baseUrl, fetch) =>
  createConnectTransport({ baseUrl, fetch }),
);
export const connectBinary = surface("Connect, binary", (baseUrl, fetch) =>
  createConnectTransport({ baseUrl, fetch, useBinaryFormat: true }),
);
export const connectGet = surface("Connect, reads by GET", (baseUrl, fetch) =>
  createConnectTransport({ baseUrl, fetch, useHttpGet: true }),
);
export const grpcWeb = surface("gRPC-Web", (baseUrl, fetch) => createGrpcWebTransport({ baseUrl, fetch }));

function surface(name: string, transport: (baseUrl: string, fetch: typeof globalThis.fetch) => Transport) {
  return {
    name,
    connect: async ({ url }) =>
      createTransportClient({
        transport: transport(url, fetch),
        distorted: transport(url, fetchDistorted),
        close: async () => {},
      }),
  } satisfies Surface as Surface;
}

/** Sends JSON that is none in place of the request's. Binary ones are spoilt before, see `spoil`. */
const fetchDistorted: typeof fetch = (input, init) => {
  const url = new URL(input as string);
  if (url.searchParams.get("encoding") === "json") url.searchParams.set("message", undecodableText);
  const isJson = new Headers(init?.headers).get("content-type")?.endsWith("json");
  return fetch(url, isJson ? { ...init, body: undecodableText } : init);
};

export interface TransportClientDeps {
  readonly transport: Transport;
  /** Where what can't be decoded is sent. */
  readonly distorted: Transport;
  close(): Promise<void>;
}

/** A client over one of Connect's transports. */
export function createTransportClient({ transport, distorted, close }: TransportClientDeps): CallClient {
  async function call({ method, request, token, timeoutMs, undecodable }: Call): Promise<Answer | undefined> {
    const message = messageOf(method, request);
    if (message === undefined) return undefined;
    const headers = new Headers(token === undefined ? {} : { authorization: `Bearer ${token}` });
    if (undecodable) spoil(message);
    const by = undecodable ? distorted : transport;
    try {
      return method.methodKind === "unary"
        ? await answerOf(method, by.unary(method as DescMethodUnary, undefined, timeoutMs, headers, message))
        : await firstOf(by, method as DescMethodStreaming, headers, message);
    } catch (error) {
      return answerOfError(error);
    }
  }
  return { call, close };
}

async function answerOf(method: DescMethodUnary, response: Promise<UnaryResponse>): Promise<Answer> {
  const { message, header, trailer } = await response;
  return goodAnswer(method, message, new Headers([...header, ...trailer]));
}

async function firstOf(
  transport: Transport,
  method: DescMethodStreaming,
  headers: Headers,
  message: Message,
): Promise<Answer> {
  const leave = new AbortController();
  const response: StreamResponse = await transport.stream(
    method,
    leave.signal,
    undefined,
    headers,
    only(message),
  );
  try {
    for await (const first of response.message) return goodAnswer(method, first, response.header);
  } finally {
    leave.abort();
  }
  throw new Error("the stream ended without a message");
}

/** Gives the message's binary form a field that is longer than what follows; JSON knows nothing of it. */
function spoil(message: Message): void {
  message.$unknown = [{ no: 1, wireType: WireType.LengthDelimited, data: Uint8Array.of(0x7f, 0x01) }];
}
