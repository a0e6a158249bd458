import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "#gen/google/rpc/error_details_pb.js";
import type { Status } from "#gen/google/rpc/status_pb.js";

/** What went wrong, by the server's stable reason or, where no answer came, the client's own. */
export class ParleyError extends Error {
  override readonly name = "ParleyError";
  /**
   * The server's, such as `ROOM_NOT_FOUND` (docs/api.md lists them); `UNAVAILABLE` if the server can't be reached,
   * `CANCELLED` if the call's signal aborted, `SIGNED_OUT` if nobody is signed in.
   */
  readonly reason: string;
  /** The kind of failure, as Connect and gRPC have them. */
  readonly code: Code;
  /** How long to wait before another try, in ms, if the server said so. */
  readonly retryAfter?: number;
  /** What is wrong with which field of the request, by its name in the contract, such as `display_name`. */
  readonly fields?: readonly FieldFault[];

  constructor(message: string, options: ParleyErrorOptions) {
    super(message, { cause: options.cause });
    this.reason = options.reason;
    this.code = options.code;
    if (options.retryAfter !== undefined) this.retryAfter = options.retryAfter;
    if (options.fields !== undefined) this.fields = options.fields;
  }
}

export interface FieldFault {
  readonly field: string;
  readonly message: string;
}

export interface ParleyErrorOptions {
  readonly reason: string;
  readonly code: Code;
  readonly retryAfter?: number | undefined;
  readonly fields?: readonly FieldFault[] | undefined;
  readonly cause?: unknown;
}

/** Of whatever a call threw. */
export function toParleyError(error: unknown): ParleyError {
  if (error instanceof ParleyError) return error;
  const from = ConnectError.from(error);
  // A fetch that fails, and an answer that is cut off, come without a code of the server's.
  const code = from.code === Code.Unknown || from.code === Code.Internal ? codeOf(from) : from.code;
  const [info] = from.findDetails(ErrorInfoSchema);
  const [retry] = from.findDetails(RetryInfoSchema);
  const [bad] = from.findDetails(BadRequestSchema);
  const delay = retry?.retryDelay;
  return new ParleyError(from.rawMessage, {
    reason: info?.reason ?? reasonOf(code),
    code,
    retryAfter: delay && Number(delay.seconds) * 1000 + delay.nanos / 1e6,
    fields: bad?.fieldViolations.map(({ field, description }) => ({ field, message: description })),
    cause: error,
  });
}

function codeOf(error: ConnectError): Code {
  const isAnswer = error.details.length > 0;
  return isAnswer ? error.code : Code.Unavailable;
}

/** `NOT_FOUND` of Code.NotFound: for answers without a reason, which come from something before the server. */
function reasonOf(code: Code): string {
  if (code === Code.Canceled) return "CANCELLED";
  return Code[code].replace(/(?<!^)([A-Z])/g, "_$1").toUpperCase();
}

/** The caller has given up. */
export function cancelledError(signal: AbortSignal): ParleyError {
  return new ParleyError("cancelled", { reason: "CANCELLED", code: Code.Canceled, cause: signal.reason });
}

/** Nobody is signed in. */
export function signedOutError(): ParleyError {
  return new ParleyError("nobody is signed in", { reason: "SIGNED_OUT", code: Code.Unauthenticated });
}

const unfit = new Set(["UNAUTHENTICATED", "TOKEN_EXPIRED", "REFRESH_TOKEN_REUSED", "SESSION_REVOKED"]);

/** The token or the session is at fault, not the call. */
export function isSessionError({ reason }: ParleyError): boolean {
  return unfit.has(reason);
}

/** Of an `error` frame. */
export function errorOfStatus({ code, message, details }: Status): ParleyError {
  const error = new ConnectError(message, code);
  error.details = details.map(({ typeUrl, value }) => ({
    type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1),
    value,
  }));
  return toParleyError(error);
}
