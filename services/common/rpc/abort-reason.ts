import { ConnectError } from "@connectrpc/connect";
import { CancelledError, DomainError, toConnectError } from "../errors.ts";

/** Why the caller ended it: a deadline or a refusal of its own passes on as what it is, all else is a cancellation. */
export function abortedBy({ reason }: AbortSignal): ConnectError {
  const known = reason instanceof ConnectError || reason instanceof DomainError;
  if (known || (reason instanceof Error && reason.name === "TimeoutError")) return toConnectError(reason);
  return toConnectError(new CancelledError("the call was cancelled", reason));
}
