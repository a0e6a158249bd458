import { Code, type ConnectError, type HandlerContext } from "@connectrpc/connect";
import type { Logger } from "pino";
import { reasonOf, toConnectError } from "../errors.ts";
import { traceIdOf } from "../tracing.ts";
import { requestIdHeader, traceparentOf } from "./caller.ts";

/** Logs why a call failed and answers what its caller may see of it. */
export type ErrorReport = (error: unknown, context: HandlerContext) => ConnectError;

/** The outermost layer of every call, on streams too: what leaves it is one of the errors that the API documents. */
export function createErrorReport({ logger }: { logger: Logger }): ErrorReport {
  return (error, context) => {
    const seen = toConnectError(error);
    const unexpected = seen.code === Code.Internal;
    if (unexpected || logger.isLevelEnabled("debug")) {
      const method = `${context.service.typeName}/${context.method.name}`;
      const requestId = context.requestHeader.get(requestIdHeader) ?? undefined;
      const traceId = traceIdOf(traceparentOf(context));
      if (unexpected) logger.error({ err: error, method, requestId, traceId }, "call failed");
      else logger.debug({ reason: reasonOf(seen), method, requestId, traceId }, "call refused");
    }
    return seen;
  };
}
