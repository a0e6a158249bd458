import { createContextKey, type HandlerContext } from "@connectrpc/connect";
import type { Caller } from "../auth.ts";
import { UnauthenticatedError } from "../errors.ts";
import { traceparentHeader } from "../tracing.ts";

/** Names the call in logs; set by the gateway. */
export const requestIdHeader = "x-request-id";

/** The network address of the client; set by the gateway only, which removes what clients send under this name. */
export const clientAddressHeader = "parley-client-address";

/** Who calls: set by the auth interceptor. */
export const callerKey = createContextKey<Caller | undefined>(undefined, { description: "caller" });

/** Who calls. Throws UnauthenticatedError where the method's access let the call in without a token. */
export function requireCaller(context: HandlerContext): Caller {
  const caller = context.values.get(callerKey);
  if (caller === undefined) throw new UnauthenticatedError();
  return caller;
}

/** The network address of the client, if the call came through the gateway. */
export function clientAddress(context: HandlerContext): string | undefined {
  return context.requestHeader.get(clientAddressHeader) ?? undefined;
}

/** The trace that the call is part of, if it is traced. */
export function traceparentOf(context: HandlerContext): string | undefined {
  return context.requestHeader.get(traceparentHeader) ?? undefined;
}
