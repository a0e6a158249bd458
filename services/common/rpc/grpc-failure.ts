import { fromBinary } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { type ServiceError, status as statusCodes } from "@grpc/grpc-js";
import { StatusSchema } from "#gen/google/rpc/status_pb.js";
import { DeadlineExceededError, fromStatus, toConnectError, UnavailableError } from "../errors.ts";
import { abortedBy } from "./abort-reason.ts";
import { detailsKey } from "./grpc-status.ts";

/** Why a call failed, as it would within one process. */
export function failureOf(error: unknown, signal: AbortSignal | undefined): ConnectError {
  const { code, details, metadata } = error as Partial<ServiceError>;
  if (signal?.aborted && code === statusCodes.CANCELLED) return abortedBy(signal);
  const [sent] = metadata?.get(detailsKey) ?? [];
  if (Buffer.isBuffer(sent)) {
    const known = fromStatus(fromBinary(StatusSchema, sent));
    if ((known.code as number) === code) return known;
  }
  if (code === undefined) return toConnectError(error);
  if (code === statusCodes.UNAVAILABLE)
    return toConnectError(new UnavailableError(undefined, new Error(details)));
  if (code === statusCodes.DEADLINE_EXCEEDED)
    return toConnectError(new DeadlineExceededError(undefined, new Error(details)));
  return toConnectError(new ConnectError(details ?? "", code as number));
}

/** What grpc-js says, in words only, of calls that nothing of reached a handler: no connection, or a refused stream. */
const unsentMessages = ["No connection established", "Stream refused by server"];

/** Whether a call failed before anything of it could be done. */
export function isUnsent(error: unknown): boolean {
  for (
    let cause = error instanceof Error ? error.cause : undefined;
    cause instanceof Error;
    cause = cause.cause
  ) {
    const { message } = cause;
    if (unsentMessages.some((text) => message.startsWith(text))) return true;
  }
  return false;
}
