import { Code } from "@connectrpc/connect";

/** What sort of refusal an error is: one kind for each code that leaves Parley. */
export type ErrorKind =
  | "invalid_argument"
  | "unauthenticated"
  | "permission_denied"
  | "not_found"
  | "already_exists"
  | "failed_precondition"
  | "resource_exhausted"
  | "unimplemented"
  | "unavailable"
  | "deadline_exceeded"
  | "cancelled"
  | "internal";

/** Every stable reason that a client may see, and its kind. A reason's kind never changes. */
export const errorKinds = {
  INVALID_ARGUMENT: "invalid_argument",
  UNAUTHENTICATED: "unauthenticated",
  TOKEN_EXPIRED: "unauthenticated",
  WRONG_CREDENTIALS: "unauthenticated",
  REFRESH_TOKEN_REUSED: "unauthenticated",
  SESSION_REVOKED: "unauthenticated",
  ROLE_TOO_LOW: "permission_denied",
  NOT_AUTHOR: "permission_denied",
  ORIGIN_REFUSED: "permission_denied",
  USER_NOT_FOUND: "not_found",
  ROOM_NOT_FOUND: "not_found",
  MEMBER_NOT_FOUND: "not_found",
  MESSAGE_NOT_FOUND: "not_found",
  SESSION_NOT_FOUND: "not_found",
  INVITATION_NOT_FOUND: "not_found",
  ROUTE_NOT_FOUND: "not_found",
  USERNAME_TAKEN: "already_exists",
  CLIENT_ID_REUSED: "already_exists",
  LAST_OWNER: "failed_precondition",
  MESSAGE_DELETED: "failed_precondition",
  DIRECT_ROOM: "failed_precondition",
  LIMIT_REACHED: "failed_precondition",
  RATE_LIMITED: "resource_exhausted",
  PAYLOAD_TOO_LARGE: "resource_exhausted",
  METHOD_NOT_ALLOWED: "unimplemented",
  OVERLOADED: "unavailable",
  UNAVAILABLE: "unavailable",
  DEADLINE_EXCEEDED: "deadline_exceeded",
  CANCELLED: "cancelled",
  INTERNAL: "internal",
} as const satisfies Record<string, ErrorKind>;

/** A stable reason, as in `google.rpc.ErrorInfo`. */
export type ErrorReason = keyof typeof errorKinds;

/** Which code says which kind, on every surface. */
export const kindCodes: Readonly<Record<ErrorKind, Code>> = {
  invalid_argument: Code.InvalidArgument,
  unauthenticated: Code.Unauthenticated,
  permission_denied: Code.PermissionDenied,
  not_found: Code.NotFound,
  already_exists: Code.AlreadyExists,
  failed_precondition: Code.FailedPrecondition,
  resource_exhausted: Code.ResourceExhausted,
  unimplemented: Code.Unimplemented,
  unavailable: Code.Unavailable,
  deadline_exceeded: Code.DeadlineExceeded,
  cancelled: Code.Canceled,
  internal: Code.Internal,
};

/** The HTTP status of each code, as google.rpc.Code documents it. */
export const httpStatuses: Readonly<Record<Code, number>> = {
  [Code.Canceled]: 499,
  [Code.Unknown]: 500,
  [Code.InvalidArgument]: 400,
  [Code.DeadlineExceeded]: 504,
  [Code.NotFound]: 404,
  [Code.AlreadyExists]: 409,
  [Code.PermissionDenied]: 403,
  [Code.ResourceExhausted]: 429,
  [Code.FailedPrecondition]: 400,
  [Code.Aborted]: 409,
  [Code.OutOfRange]: 400,
  [Code.Unimplemented]: 501,
  [Code.Internal]: 500,
  [Code.Unavailable]: 503,
  [Code.DataLoss]: 500,
  [Code.Unauthenticated]: 401,
};

/** Reasons for which HTTP knows a better status than their code's. */
export const reasonHttpStatuses: Readonly<Partial<Record<ErrorReason, number>>> = {
  METHOD_NOT_ALLOWED: 405,
  PAYLOAD_TOO_LARGE: 413,
};

/**
 * The reason of an error that a library raised with no more than a code. RESOURCE_EXHAUSTED is how Connect and gRPC
 * refuse a message above the size limit. Codes that are missing here are none that a library should answer with: they
 * are a fault of ours and leave as INTERNAL.
 */
export const plainCodeReasons: Readonly<Partial<Record<Code, ErrorReason>>> = {
  [Code.Canceled]: "CANCELLED",
  [Code.InvalidArgument]: "INVALID_ARGUMENT",
  [Code.DeadlineExceeded]: "DEADLINE_EXCEEDED",
  [Code.NotFound]: "ROUTE_NOT_FOUND",
  [Code.ResourceExhausted]: "PAYLOAD_TOO_LARGE",
  [Code.Unimplemented]: "METHOD_NOT_ALLOWED",
  [Code.Unavailable]: "UNAVAILABLE",
  [Code.Unauthenticated]: "UNAUTHENTICATED",
};
