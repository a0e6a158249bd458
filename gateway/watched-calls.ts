import type { Message } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import type { Logger } from "pino";
import type { Tracer } from "../services/common/tracing.ts";
import { type CallTally, codeName, codeOf } from "./call-tally.ts";
import type { CallOrigin, PublicCalls, PublicMethod } from "./calls.ts";

export interface WatchedCallsDeps {
  logger: Logger;
  tally: CallTally | undefined;
  tracer: Tracer | undefined;
}

/** The same calls, counted, measured, and at level debug logged, a line for each. */
export function watchCalls(calls: PublicCalls, { logger, tally, tracer }: WatchedCallsDeps): PublicCalls {
  /** Answers the call's origin from here on, and what to do when it has ended. */
  function begin(method: PublicMethod, origin: CallOrigin) {
    const { surface, requestId } = origin;
    const span = tracer && enter(tracer, method, origin);
    const count = tally?.of({ surface, service: method.parent.typeName, method: method.name });
    const started = performance.now();
    if (count) count.underWay += 1;
    const end = (code: Code | undefined) => {
      span?.end(code && codeName(code));
      const ms = performance.now() - started;
      if (count) {
        count.underWay -= 1;
        count.ended(code, method.methodKind === "unary" ? ms / 1000 : undefined);
      }
      log(logger, method, { surface, requestId, code, ms, traceId: span?.traceId });
    };
    return { origin: { ...origin, traceparent: tracer ? span?.traceparent : trustedParent(origin) }, end };
  }

  return {
    admitAddress: calls.admitAddress,
    admit: calls.admit,

    refused(method, origin, error) {
      calls.refused(method, origin, error);
      const { surface, requestId } = origin;
      const code = codeOf(error);
      tally?.of({ surface, service: method.parent.typeName, method: method.name }).ended(code, undefined);
      log(logger, method, { surface, requestId, code, ms: undefined, traceId: undefined });
    },

    async unary(method, input, from) {
      const { origin, end } = begin(method, from);
      try {
        const answer = await calls.unary(method, input, origin);
        end(undefined);
        return answer;
      } catch (error) {
        end(codeOf(error));
        throw error;
      }
    },

    async stream(method, input, from) {
      const { origin, end } = begin(method, from);
      try {
        return watchStream(await calls.stream(method, input, origin), end);
      } catch (error) {
        end(codeOf(error));
        throw error;
      }
    },
  };
}

/** What is passed on by a gateway that traces nothing itself: others would take a stranger's word for ours. */
function trustedParent({ traceparent, fromProxy }: CallOrigin): string | undefined {
  return fromProxy ? traceparent : undefined;
}

function enter(tracer: Tracer, method: PublicMethod, origin: CallOrigin) {
  const { surface, requestId, traceparent, fromProxy = false } = origin;
  const service = method.parent.typeName;
  return tracer.enter(`${service}/${method.name}`, {
    parent: traceparent,
    trusted: fromProxy,
    kind: "server",
    attributes: {
      "rpc.service": service,
      "rpc.method": method.name,
      "parley.surface": surface,
      "parley.request_id": requestId,
    },
  });
}

/** The same stream; `end` is called once, however it ends. Leaving it is passed on at once, also while an item is awaited. */
function watchStream(stream: AsyncIterable<Message>, end: (code: Code | undefined) => void) {
  const items = stream[Symbol.asyncIterator]();
  let over = false;
  const finish = (code: Code | undefined) => {
    if (!over) end(code);
    over = true;
  };
  const watched: AsyncIterableIterator<Message> = {
    [Symbol.asyncIterator]: () => watched,
    async next() {
      try {
        const result = await items.next();
        if (result.done) finish(undefined);
        return result;
      } catch (error) {
        finish(codeOf(error));
        throw error;
      }
    },
    async return(value) {
      finish(Code.Canceled);
      await items.return?.(value);
      return { done: true, value };
    },
  };
  return watched;
}

function log(
  logger: Logger,
  method: PublicMethod,
  call: {
    surface: string;
    requestId: string;
    code: Code | undefined;
    ms: number | undefined;
    traceId: string | undefined;
  },
): void {
  if (!logger.isLevelEnabled("debug")) return;
  const { surface, requestId, code, ms, traceId } = call;
  const name = `${method.parent.typeName}/${method.name}`;
  const durationMs = ms === undefined ? undefined : Math.round(ms * 100) / 100;
  logger.debug({ surface, method: name, code: codeName(code), durationMs, requestId, traceId }, "call");
}
