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

/** 128 KiB, api.md's bound of a body. */
const maxBody = 128 * 1024;
/** Long enough for an emoji of 64 bytes, percent-encoded, and for whatever else stands where an id belongs. */
const maxParam = 1024;

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
    frameworkErrors: (error, request, reply) =>
      answerError(error, request as FastifyRequest, reply as FastifyReply),
  });

  // Whatever the content type says, a body is JSON; one that isn't is refused with a reason.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "string", bodyLimit: maxBody }, (_, body, done) => {
    if (body === "") return done(null, undefined);
    try {
      done(null, JSON.parse(body as string));
    } catch {
      done(new InvalidArgumentError([{ field: "", description: "the body must be JSON" }]));
    }
  });
  app.addHook("onRequest", async (request, reply) => {
    reply.header("x-request-id", request.id);
    reply.header("x-content-type-options", "nosniff");
    reply.header("cache-control", "no-store");
    const encoding = request.headers["content-encoding"];
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

/** The one place where errors become HTTP: a google.rpc.Status, its status code, and Retry-After where it says so. */
function answerError(
  error: Error & { code?: unknown; statusCode?: number },
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const known = fromFastify(error);
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
