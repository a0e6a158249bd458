import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
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
  DeadlineExceededError,
  httpStatusOf,
  InvalidArgumentError,
  PayloadTooLargeError,
  retryAfterMsOf,
  statusRegistry,
  toConnectError,
  toStatus,
} from "../services/common/errors.ts";
import { newId } from "../services/common/ids.ts";
import { RouteNotFoundError } from "./errors.ts";
import { refuseOnSocket } from "./socket-refusal.ts";

/** 128 KiB, api.md's bound of a body. */
const maxBody = 128 * 1024;
/** Whatever stands where an id belongs is an unknown one: as long as the head of a request may be, Node's 16 KiB. */
const maxParam = 16 * 1024;

declare module "fastify" {
  interface FastifyContextConfig {
    /** The route refuses what is wrong with a request's encoding and body itself, in its own framing. */
    ownFaults?: boolean;
  }
}

/** The HTTP side of the gateway, without routes and not listening yet: parsing, errors, headers. */
export function createHttpApp(deps: { logger: Logger }): FastifyInstance {
  const app = Fastify({
    loggerInstance: deps.logger.child({ component: "http" }) as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: maxBody,
    routerOptions: { maxParamLength: maxParam },
    genReqId: () => newId(),
    requestTimeout: 30_000,
    connectionTimeout: 60_000,
    forceCloseConnections: "idle",
    // An offer to speak something else, as some clients make with each request (h2c), is there to be ignored.
    http: { shouldUpgradeCallback: isWebSocketUpgrade },
    clientErrorHandler: refuseUnparsed,
    frameworkErrors: (error, request, reply) =>
      answerError(error, request as FastifyRequest, reply as FastifyReply),
  });

  // Whatever the content type says, a body is JSON; one that isn't is refused with a reason.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer", bodyLimit: maxBody }, (_, body, done) => {
    if (body.length === 0) return done(null, undefined);
    try {
      done(null, parseJson(body as Buffer));
    } catch {
      done(new InvalidArgumentError([{ field: "", description: "the body must be JSON, in UTF-8" }]));
    }
  });
  app.addHook("onRequest", async (request, reply) => {
    reply.header("x-request-id", request.id);
    reply.header("x-content-type-options", "nosniff");
    reply.header("cache-control", "no-store");
    const encoding = request.headers["content-encoding"];
    if (request.routeOptions.config.ownFaults) return;
    if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
      throw new InvalidArgumentError([
        { field: "", description: "a Content-Encoding is not taken, send it plain" },
      ]);
    }
  });
  app.setErrorHandler((error: FastifyError, request, reply) => answerError(error, request, reply));
  app.setNotFoundHandler(() => {
    throw new RouteNotFoundError();
  });
  return app;
}

function isWebSocketUpgrade({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === "websocket";
}

/** Throws for bytes that aren't UTF-8 as well: text comes back as it was sent or isn't taken. */
function parseJson(body: Buffer): unknown {
  if (!isUtf8(body)) throw new Error("not UTF-8");
  return JSON.parse(body.toString());
}

/** What Node's parser refuses, or waits for in vain, before there is a request. */
function refuseUnparsed(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || socket.destroyed) return;
  if (!socket.writable) socket.destroy();
  else refuseOnSocket(socket, unparsed(error.code));
}

function unparsed(code: string | undefined): unknown {
  if (code === "HPE_HEADER_OVERFLOW") return new PayloadTooLargeError("the head of the request is too large");
  if (code === "ERR_HTTP_REQUEST_TIMEOUT")
    return new DeadlineExceededError("the request took too long to come");
  return new InvalidArgumentError([{ field: "", description: "the request must be well-formed HTTP/1.1" }]);
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
  if (status >= 500 && status !== 503)
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
    return new InvalidArgumentError([{ field: "", description: error.message }]);
  }
  return error;
}
