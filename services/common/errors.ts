import { create, createRegistry, type Registry } from "@bufbuild/protobuf";
import { anyPack, durationFromMs, durationMs } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "#gen/google/rpc/error_details_pb.js";
import { type Status, StatusSchema } from "#gen/google/rpc/status_pb.js";
import {
  type ErrorKind,
  type ErrorReason,
  errorKinds,
  httpStatuses,
  kindCodes,
  plainCodeReasons,
  reasonHttpStatuses,
} from "./error-reasons.ts";

export type { ErrorKind, ErrorReason } from "./error-reasons.ts";

/** The `domain` of every ErrorInfo that Parley makes. */
const errorDomain = "parley";

/** One bad field of a request. */
export interface FieldViolation {
  /** Dotted path of proto field names: `display_name`, `member_ids[3]`. */
  field: string;
  /** What the field must be, for people. */
  description: string;
}

export interface DomainErrorInit {
  reason: ErrorReason;
  /** For people. Leaves the process: no secrets, nothing of the inner workings. */
  message: string;
  metadata?: Record<string, string>;
  violations?: readonly FieldViolation[];
  /** When trying again makes sense, in milliseconds. */
  retryAfterMs?: number;
  /** For the log; never leaves the process. */
  cause?: unknown;
}

/** A refusal that clients are meant to see. Services subclass it: `class RoomNotFoundError extends DomainError`. */
export class DomainError extends Error {
  readonly reason: ErrorReason;
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly FieldViolation[];
  readonly retryAfterMs: number | undefined;

  constructor(init: DomainErrorInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = new.target.name;
    this.reason = init.reason;
    this.metadata = init.metadata ?? {};
    this.violations = init.violations ?? [];
    this.retryAfterMs = init.retryAfterMs;
  }

  get kind(): ErrorKind {
    return errorKinds[this.reason];
  }
}

/** The request breaks rules of its fields; lists all of them. */
export class InvalidArgumentError extends DomainError {
  constructor(violations: readonly FieldViolation[], message = describe(violations)) {
    super({ reason: "INVALID_ARGUMENT", message, violations });
  }
}

/** No token, or one that isn't valid. */
export class UnauthenticatedError extends DomainError {
  constructor(message = "a valid access token is required", cause?: unknown) {
    super({ reason: "UNAUTHENTICATED", message, cause });
  }
}

/** The token was valid once. */
export class TokenExpiredError extends DomainError {
  constructor(message = "the token has expired") {
    super({ reason: "TOKEN_EXPIRED", message });
  }
}

/** The token's session has ended. */
export class SessionRevokedError extends DomainError {
  constructor(message = "the session has ended") {
    super({ reason: "SESSION_REVOKED", message });
  }
}

/** The caller is over a rate. */
export class RateLimitedError extends DomainError {
  constructor(retryAfterMs: number, message = "too many requests") {
    super({ reason: "RATE_LIMITED", message, retryAfterMs });
  }
}

/** More waits to be done than may wait. */
export class OverloadedError extends DomainError {
  constructor(message = "the server is overloaded", retryAfterMs = 1000) {
    super({ reason: "OVERLOADED", message, retryAfterMs });
  }
}

/** Something that is needed for the answer can't be reached; repeating the call is safe. */
export class UnavailableError extends DomainError {
  constructor(message = "temporarily unavailable", cause?: unknown) {
    super({ reason: "UNAVAILABLE", message, cause });
  }
}

/** A body or frame is above its limit. */
export class PayloadTooLargeError extends DomainError {
  constructor(message = "the request is too large") {
    super({ reason: "PAYLOAD_TOO_LARGE", message });
  }
}

/** The caller gave up. */
export class CancelledError extends DomainError {
  constructor(message = "the call was cancelled", cause?: unknown) {
    super({ reason: "CANCELLED", message, cause });
  }
}

/** The call took longer than its caller wanted to wait. */
export class DeadlineExceededError extends DomainError {
  constructor(message = "the deadline has passed", cause?: unknown) {
    super({ reason: "DEADLINE_EXCEEDED", message, cause });
  }
}

/** There are as many of these as there may be. */
export class LimitReachedError extends DomainError {
  constructor(message: string) {
    super({ reason: "LIMIT_REACHED", message });
  }
}

/** The types that details of an error may have, for Protobuf JSON of `google.protobuf.Any`. */
export const statusRegistry: Registry = createRegistry(ErrorInfoSchema, BadRequestSchema, RetryInfoSchema);

/**
 * The one place where an error becomes what callers see. DomainErrors get their code and details; ConnectErrors that
 * carry a reason of ours pass as they are, those with a bare code get the reason that fits; whatever is left is
 * "internal error", with the original as `cause` for the log only.
 */
export function toConnectError(error: unknown): ConnectError {
  if (error instanceof DomainError) return fromDomainError(error);
  if (error instanceof ConnectError) {
    if (reasonOf(error) !== undefined) return error;
    const reason = plainCodeReasons[error.code];
    return reason === undefined ? internalError(error) : withReason(reason, error.rawMessage, error);
  }
  const name = error instanceof Error ? error.name : undefined;
  if (name === "AbortError") return fromDomainError(new CancelledError(undefined, error));
  if (name === "TimeoutError") return fromDomainError(new DeadlineExceededError(undefined, error));
  return internalError(error);
}

/** The error as `google.rpc.Status`: the body of REST errors, of error frames and of WriteResults. */
export function toStatus(error: unknown): Status {
  const { code, rawMessage, details } = toConnectError(error);
  return create(StatusSchema, {
    code,
    message: rawMessage,
    details: details.map((detail) =>
      "desc" in detail
        ? anyPack(detail.desc, create(detail.desc, detail.value))
        : { typeUrl: `type.googleapis.com/${detail.type}`, value: detail.value },
    ),
  });
}

/** The reverse of `toStatus`. */
export function fromStatus(status: Status): ConnectError {
  const error = new ConnectError(status.message, status.code);
  error.details = status.details.map(({ typeUrl, value }) => ({
    type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1),
    value,
  }));
  return error;
}

/** The stable reason of an error of ours, wherever it comes from; undefined for any other error. */
export function reasonOf(error: unknown): ErrorReason | undefined {
  if (error instanceof DomainError) return error.reason;
  if (!(error instanceof ConnectError)) return undefined;
  const info = error.findDetails(ErrorInfoSchema).find(({ domain }) => domain === errorDomain);
  return info && Object.hasOwn(errorKinds, info.reason) ? (info.reason as ErrorReason) : undefined;
}

/** The HTTP status that says the same. */
export function httpStatusOf(error: ConnectError): number {
  const reason = reasonOf(error);
  return (reason && reasonHttpStatuses[reason]) ?? httpStatuses[error.code] ?? 500;
}

/** When trying again makes sense, in milliseconds, if the error says so. */
export function retryAfterMsOf(error: unknown): number | undefined {
  if (error instanceof DomainError) return error.retryAfterMs;
  if (!(error instanceof ConnectError)) return undefined;
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return delay && durationMs(delay);
}

function fromDomainError(error: DomainError): ConnectError {
  const converted = withReason(error.reason, error.message, error, error.metadata);
  if (error.violations.length > 0) {
    converted.details.push({ desc: BadRequestSchema, value: { fieldViolations: [...error.violations] } });
  }
  if (error.retryAfterMs !== undefined) {
    const retryDelay = durationFromMs(Math.ceil(error.retryAfterMs));
    converted.details.push({ desc: RetryInfoSchema, value: { retryDelay } });
  }
  return converted;
}

function internalError(cause: unknown): ConnectError {
  return withReason("INTERNAL", "internal error", cause);
}

function withReason(
  reason: ErrorReason,
  message: string,
  cause: unknown,
  metadata: Readonly<Record<string, string>> = {},
): ConnectError {
  const info = { desc: ErrorInfoSchema, value: { reason, domain: errorDomain, metadata } };
  return new ConnectError(message, kindCodes[errorKinds[reason]], undefined, [info], cause);
}

function describe(violations: readonly FieldViolation[]): string {
  return violations.length === 0
    ? "the request is invalid"
    : violations
        .map(({ field, description }) => (field ? `${field}: ${description}` : description))
        .join("; ");
}
