import { Code } from "@connectrpc/connect";
import { reasonOf, toConnectError } from "../errors.ts";

const outages: ReadonlySet<Code> = new Set([Code.Unavailable, Code.DeadlineExceeded, Code.Canceled]);

/**
 * Whether an error says that something is down, slow, stopping or over its rate: it passes by waiting, and is nobody's
 * fault. Everything else, errors that nobody classified included, may stay for ever.
 */
export function isOutage(error: unknown): boolean {
  return outages.has(toConnectError(error).code) || reasonOf(error) === "RATE_LIMITED";
}
