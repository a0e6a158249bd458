import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "#gen/google/rpc/error_details_pb.js";
import type { Status } from "#gen/google/rpc/status_pb.js";
import { Code, nameOfCode } from "./code.ts";

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

/** Of whatever a call threw. What comes without an answer of the server's means that it can't be reached. */
export function toParleyError(error: unknown): ParleyError {
  if (error instanceof ParleyError) return error;
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const code =
    name === "AbortError"
      ? Code.Canceled
      : name === "TimeoutError"
        ? Code.DeadlineExceeded
        : Code.Unavailable;
  return new ParleyError(message, { reason: reasonOf(code), code, cause: error });
}

/** As Connect and google.rpc.Status carry them. */
export interface ErrorDetail {
  /** The full name of the message. */
  readonly type: string;
  readonly value: Uint8Array;
}

/**
 * Of an answer. One without a reason of the server's comes from something before it, a proxy or an ingress, and says
 * nothing about the session or what was asked: only that the server can't be reached.
 */
export function errorOfDetails(told: Code, message: string, details: readonly ErrorDetail[]): ParleyError {
  const info = detail(ErrorInfoSchema, details);
  const code = info ? told : Code.Unavailable;
  const delay = detail(RetryInfoSchema, details)?.retryDelay;
  const bad = detail(BadRequestSchema, details);
  return new ParleyError(message, {
    reason: info?.reason ?? reasonOf(code),
    code,
    retryAfter: delay && Number(delay.seconds) * 1000 + delay.nanos / 1e6,
    fields: bad?.fieldViolations.map(({ field, description }) => ({ field, message: description })),
  });
}

function detail<S extends DescMessage>(
  schema: S,
  details: readonly ErrorDetail[],
): MessageShape<S> | undefined {
  const found = details.find(({ type }) => type === schema.typeName);
  return found && fromBinary(schema, found.value);
}

function reasonOf(code: Code): string {
  return code === Code.Canceled ? "CANCELLED" : nameOfCode(code);
}

/** The caller has given up. */
export function cancelledError(signal: AbortSignal): ParleyError {
  return new ParleyError("cancelled", { reason: "CANCELLED", code: Code.Canceled, cause: signal.reason });
}

/** The server can't be reached, or what came of it is no answer. */
export function unavailableError(message: string): ParleyError {
  return new ParleyError(message, { reason: "UNAVAILABLE", code: Code.Unavailable });
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
  const typed = details.map(({ typeUrl, value }) => ({
    type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1),
    value,
  }));
  return errorOfDetails(code as Code, message, typed);
}
