import { isUtf8 } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import { toJson } from "@bufbuild/protobuf";
import Fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from "fastify";
import type { Logger } from "pino";
import { StatusSchema } from "#gen/google/rpc/status_pb.js";
import {
  CancelledError,
  httpStatusOf,
  InvalidArgumentError,
  PayloadTooLargeError,
  retryAfterMsOf,
  statusRegistry,
  toConnectError,
  toStatus,
} from "../services/common/errors.ts";
import { newId } from "../services/common/ids.ts";
import { type TlsMaterial, tlsRules } from "../services/common/tls.ts";
import type { Client } from "./clients.ts";
import { MethodNotAllowedError, RouteNotFoundError } from "./errors.ts";
import { learnFixedPaths } from "./fixed-paths.ts";
import { clientOf } from "./http-origin.ts";
import { boundPipelining } from "./pipelining.ts";
import { securityHeaders, transportHeaders } from "./security-headers.ts";
import { refuseOnResponse } from "./socket-refusal.ts";
import { createUnparsedHandler, type UnparsedDeps } from "./unparsed.ts";

/** 128 KiB, api.md's bound of a body. */
const maxBody = 128 * 1024;
/** Whatever stands where an id belongs is an unknown one: as long as the head of a request may be, Node's 16 KiB. */
const maxParam = 16 * 1024;

declare module "fastify" {
  interface FastifyContextConfig {
    /** The route refuses what is wrong with a request's encoding and body itself, in its own framing. */
    ownFaults?: boolean;
    /** No rate holds: what asks is the operator's. */
    unlimited?: boolean;
    /** The route is there to refuse its verbs. */
    refuses?: boolean;
  }
}

export interface HttpAppDeps extends UnparsedDeps {
  logger: Logger;
  /** Without it, the app speaks in the clear. */
  tls?: TlsMaterial | undefined;
  /** How long the head of a request may take to come, and all of it. */
  headTimeoutMs: number;
  bodyTimeoutMs: number;
}

/** How often Node looks for requests that take too long, and how long a TLS handshake may take. */
const checkIntervalMs = 2000;
const handshakeTimeoutMs = 10_000;

/** The HTTP side of the gateway, without routes and not listening yet: parsing, errors, headers. */
export function createHttpApp(deps: HttpAppDeps): FastifyInstance {
  const app = Fastify({
    ...serverOptions(deps),
    loggerInstance: deps.logger.child({ component: "http" }) as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: maxBody,
    routerOptions: { maxParamLength: maxParam },
    genReqId: () => newId(),
    requestTimeout: deps.bodyTimeoutMs,
    // Longer than a request may take to come, so that one which is given up gets its answer.
    connectionTimeout: deps.bodyTimeoutMs * 2,
    forceCloseConnections: "idle",
    return503OnClosing: false,
    clientErrorHandler: createUnparsedHandler(deps),
    frameworkErrors(error, request, reply) {
      stamp(request as FastifyRequest, reply as FastifyReply);
      return answerError(error, request as FastifyRequest, reply as FastifyReply);
    },
  }) as FastifyInstance;
  boundPipelining(app.server);
  // Node would answer it by itself, in other words than ours.
  app.server.on("checkExpectation", (request: IncomingMessage, response: ServerResponse) => {
    const error = invalid("an Expect header but 100-continue is not taken");
    refuseOnResponse(response, error, transportHeaders(clientOf(deps.clients, request).scheme));
  });

  // Whatever the content type says, a body is JSON; one that isn't is refused with a reason.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer", bodyLimit: maxBody }, (_, body, done) => {
    if (body.length === 0) return done(null, undefined);
    try {
      done(null, parseJson(body as Buffer));
    } catch {
      done(invalid("the body must be JSON, in UTF-8"));
    }
  });
  const verbsOf = learnFixedPaths(app);
  app.addHook("onRequest", async (request, reply) => {
    const { address } = stamp(request, reply);
    if (!hasOneHost(request.raw)) throw invalid("the request must name one host");
    const { ownFaults, unlimited } = request.routeOptions.config;
    if (ownFaults) return;
    if (!unlimited) deps.admitAddress(address, request.headers.authorization);
    // Before the body is read: whatever it is, it would not have been taken.
    if (request.is404) {
      const allowed = verbsOf(request.url);
      if (allowed.length === 0) throw new RouteNotFoundError();
      reply.header("allow", allowed.join(", "));
      throw new MethodNotAllowedError(allowed);
    }
    const encoding = request.headers["content-encoding"];
    if (encoding !== undefined && encoding.toLowerCase() !== "identity")
      throw invalid("a Content-Encoding is not taken, send it plain");
  });
  app.setErrorHandler((error: FastifyError, request, reply) => answerError(error, request, reply));
  app.setNotFoundHandler(() => {
    throw new RouteNotFoundError();
  });
  return app;

  /** What stands on every answer. */
  function stamp(request: FastifyRequest, reply: FastifyReply): Client {
    const client = clientOf(deps.clients, request.raw);
    reply.headers(securityHeaders).headers(transportHeaders(client.scheme));
    reply.header("x-request-id", request.id);
    return client;
  }
}

function serverOptions({ tls, headTimeoutMs, bodyTimeoutMs }: HttpAppDeps) {
  const http = {
    // An offer to speak something else, as some clients make with each request (h2c), is there to be ignored.
    shouldUpgradeCallback: isWebSocketUpgrade,
    headersTimeout: Math.min(headTimeoutMs, bodyTimeoutMs),
    connectionsCheckingInterval: checkIntervalMs,
    // Looked at by us, for an answer in our words.
    requireHostHeader: false,
  };
  if (tls === undefined) return { http };
  return { https: { ...http, ...tlsRules, ...tls, handshakeTimeout: handshakeTimeoutMs } };
}

/** Two would let a proxy and us see different hosts in one request. */
function hasOneHost({ rawHeaders, httpVersion }: IncomingMessage): boolean {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) if (rawHeaders[i]?.toLowerCase() === "host") hosts++;
  return hosts === 1 || (hosts === 0 && httpVersion === "1.0");
}

function invalid(description: string): InvalidArgumentError {
  return new InvalidArgumentError([{ field: "", description }]);
}

function isWebSocketUpgrade({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === "websocket";
}

/** Throws for bytes that aren't UTF-8 as well: text comes back as it was sent or isn't taken. */
function parseJson(body: Buffer): unknown {
  if (!isUtf8(body)) throw new Error("not UTF-8");
  return JSON.parse(body.toString());
}

/** The one place where errors become HTTP: a google.rpc.Status, its status code, and Retry-After where it says so. */
function answerError(
  error: Error & { code?: unknown; statusCode?: number },
  request: FastifyRequest,
  reply: FastifyReply,
) {
  // Who went away in the middle of a body gets no answer; it is no fault of the server's.
  const isGone = error.code === "ECONNRESET" && !request.raw.complete;
  const known = isGone ? new CancelledError() : fromFastify(error);
  const status = httpStatusOf(toConnectError(known));
  // What is away, and what took longer than its caller waits, is no fault of this code.
  if (status >= 500 && status !== 503 && status !== 504)
    request.log.error({ err: error, requestId: request.id }, "a request failed");
  const retryAfter = retryAfterMsOf(known);
  if (retryAfter !== undefined) reply.header("retry-after", Math.max(1, Math.ceil(retryAfter / 1000)));
  if (status === 401) reply.header("www-authenticate", "Bearer");
  const body = toJson(StatusSchema, toStatus(known), { registry: statusRegistry, alwaysEmitImplicit: true });
  return reply.code(status).type("application/json; charset=utf-8").send(JSON.stringify(body));
}

/** Fastify's own refusals of a request, which are the client's faults. */
function fromFastify(error: Error & { code?: unknown; statusCode?: number }): unknown {
  if (error.code === "FST_ERR_CTP_BODY_TOO_LARGE")
    return new PayloadTooLargeError("the body is larger than 128 KiB");
  if (error.code === "FST_ERR_BAD_URL") return new RouteNotFoundError();
  const isFastify = typeof error.code === "string" && error.code.startsWith("FST_ERR_");
  if (isFastify && error.statusCode !== undefined && error.statusCode < 500) {
    return invalid(error.message);
  }
  return error;
}
