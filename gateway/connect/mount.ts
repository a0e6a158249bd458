import type { IncomingMessage, ServerResponse } from "node:http";
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { createConnectRouter, createContextValues } from "@connectrpc/connect";
import type { UniversalHandler, UniversalServerRequest } from "@connectrpc/connect/protocol";
import { universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import { statusRegistry } from "../../services/common/errors.ts";
import { only } from "../../services/common/rpc/streams.ts";
import type { CallOrigin, PublicCalls, PublicMethod, Surface } from "../calls.ts";
import type { OriginReader } from "../http-origin.ts";
import { envelopePrefix, maxMessage, readBody } from "./body.ts";
import { checkBody, checkHeaders, checkQuery, type RequestFormat } from "./faults.ts";
import { offer, preludeKey, refuseFaults } from "./implementations.ts";

export interface ConnectDeps {
  readonly services: readonly DescService[];
  readonly calls: PublicCalls;
  readonly originOf: OriginReader;
}

/** All that reach the library, which knows what an RPC takes: other verbs are answered with 405. */
const verbs: HTTPMethods[] = ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH"];

/**
 * Connect and gRPC-Web for every RPC of the services, at `/<package>.<Service>/<Method>`.
 *
 * Requests are read whole before the library sees them, at most 128 KiB: no public RPC streams its input, and a fault
 * of the request (size, compression, a message that can't be decoded) is then answered in the library's framing but in
 * our words.
 */
export function mountConnect(app: FastifyInstance, deps: ConnectDeps): void {
  const { services, calls } = deps;
  const router = createConnectRouter({
    grpc: false,
    readMaxBytes: maxMessage,
    acceptCompression: [],
    jsonOptions: { alwaysEmitImplicit: true, ignoreUnknownFields: true, registry: statusRegistry },
    requestGate: refuseFaults,
  });
  for (const method of services.flatMap((service) => service.methods)) offer(router, method, calls);

  app.register((scope, _, done) => {
    scope.removeAllContentTypeParsers();
    // Left to `readBody`, whose faults are answered in the protocol of the request.
    scope.addContentTypeParser("*", (_, __, parsed) => parsed(null));
    for (const handler of router.handlers) {
      scope.route({
        method: verbs,
        url: handler.requestPath,
        config: { ownFaults: true },
        handler: (request, reply) => serve(handler, deps, request, reply),
      });
    }
    done();
  });
}

async function serve(
  handler: UniversalHandler,
  { calls, originOf }: ConnectDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const origin = originOf(surfaceOf(request), request, reply);
  const header = headersOf(request.raw);
  const url = new URL(request.raw.url ?? "", "http://gateway");
  const { body, fault } = await readRequest(handler, calls, { request, origin, header, url });
  const universal: UniversalServerRequest = {
    httpVersion: request.raw.httpVersion,
    method: request.method,
    url: url.toString(),
    header,
    body: only(body),
    signal: origin.signal,
    contextValues: createContextValues().set(preludeKey, { origin, fault }),
  };
  reply.header("vary", "origin, authorization");
  // What is left of a body that nobody reads would have to be read before the connection could be used again.
  if (!request.raw.complete) reply.header("connection", "close");
  // A stream may be silent for as long as its service likes.
  if (handler.method.methodKind !== "unary") request.raw.socket.setTimeout(0);
  reply.hijack();
  for (const [name, value] of Object.entries(reply.getHeaders()))
    if (value !== undefined) reply.raw.setHeader(name, value);
  try {
    const response = await handler(universal);
    if (response.status === 405) reply.raw.setHeader("allow", handler.allowedMethods.join(", "));
    const body = response.body && leftOnClose(response.body, reply.raw);
    await universalResponseToNodeResponse({ ...response, ...(body && { body }) }, reply.raw);
  } catch (error) {
    // The client went away while it was answered.
    const isGone = origin.signal.aborted || request.raw.socket.destroyed;
    if (!isGone) request.log.error({ err: error, requestId: request.id }, "an answer failed");
    reply.raw.destroy();
  }
}

/** What is written to a client that is gone is never taken, and the library waits for that: the answer is left then. */
function leftOnClose(body: AsyncIterable<Uint8Array>, response: ServerResponse): AsyncIterable<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]();
  const leave = () => void chunks.return?.().catch(() => {});
  if (response.closed) leave();
  else response.once("close", leave);
  return { [Symbol.asyncIterator]: () => chunks };
}

interface Incoming {
  readonly request: FastifyRequest;
  readonly origin: CallOrigin;
  readonly header: Headers;
  readonly url: URL;
}

async function readRequest(
  { method }: UniversalHandler,
  calls: PublicCalls,
  { request, origin, header, url }: Incoming,
): Promise<{ body: Buffer; fault: unknown }> {
  let body: Buffer = Buffer.alloc(0);
  try {
    calls.admitAddress(origin.address, origin.authorization);
    calls.admit(method as PublicMethod, origin);
    checkHeaders(header);
    const format = formatOf(method, header);
    if (request.method === "GET") checkQuery(method.input, url.searchParams);
    else if (format !== undefined) {
      body = await readBody(request.raw, maxMessage + (format.enveloped ? envelopePrefix : 0));
      checkBody(method.input, format, body);
    }
    return { body, fault: undefined };
  } catch (error) {
    calls.refused(method as PublicMethod, origin, error);
    return { body, fault: error };
  }
}

/** Undefined for a content type of neither protocol, which the library answers with 415. */
function formatOf(method: DescMethod, header: Headers): RequestFormat | undefined {
  const type = (header.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  const grpcWeb = /^application\/grpc-web(?:\+(proto|json))?$/.exec(type);
  if (grpcWeb) return { json: grpcWeb[1] === "json", enveloped: true };
  const enveloped = method.methodKind !== "unary";
  const connect = (enveloped ? /^application\/connect\+(json|proto)$/ : /^application\/(json|proto)$/).exec(
    type,
  );
  return connect ? { json: connect[1] === "json", enveloped } : undefined;
}

function surfaceOf(request: FastifyRequest): Surface {
  return request.headers["content-type"]?.startsWith("application/grpc-web") ? "grpc_web" : "connect";
}

function headersOf(request: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, values] of Object.entries(request.headersDistinct))
    for (const value of values ?? []) headers.append(name, value);
  return headers;
}
