import { fromJson, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { StatusSchema } from "#gen/google/rpc/status_pb.js";
import { ErrorReasonSchema } from "#gen/parley/error/v1/error_reason_pb.js";
import { type ErrorReason, errorKinds } from "./error-reasons.ts";
import {
  DomainError,
  fromStatus,
  httpStatusOf,
  InvalidArgumentError,
  PayloadTooLargeError,
  RateLimitedError,
  reasonOf,
  retryAfterMsOf,
  statusRegistry,
  toConnectError,
  toStatus,
  UnauthenticatedError,
} from "./errors.ts";

const reasons = Object.keys(errorKinds) as ErrorReason[];

function failWith(reason: ErrorReason): DomainError {
  return new DomainError({ reason, message: "no" });
}

test("the reasons are those of the contract", () => {
  const named = ErrorReasonSchema.values.filter(({ number }) => number !== 0);
  const contract = named.map(({ name }) => name.replace("ERROR_REASON_", ""));
  expect(reasons.toSorted()).toEqual(contract.toSorted());
});

/** The API's table. */
test.each<[Code, number, ErrorReason[]]>([
  [Code.InvalidArgument, 400, ["INVALID_ARGUMENT"]],
  [
    Code.Unauthenticated,
    401,
    ["UNAUTHENTICATED", "TOKEN_EXPIRED", "WRONG_CREDENTIALS", "REFRESH_TOKEN_REUSED", "SESSION_REVOKED"],
  ],
  [Code.PermissionDenied, 403, ["ROLE_TOO_LOW", "NOT_AUTHOR", "ORIGIN_REFUSED"]],
  [
    Code.NotFound,
    404,
    [
      "USER_NOT_FOUND",
      "ROOM_NOT_FOUND",
      "MEMBER_NOT_FOUND",
      "MESSAGE_NOT_FOUND",
      "SESSION_NOT_FOUND",
      "INVITATION_NOT_FOUND",
      "ROUTE_NOT_FOUND",
    ],
  ],
  [Code.ResourceExhausted, 429, ["RATE_LIMITED"]],
  [Code.Unavailable, 503, ["OVERLOADED", "UNAVAILABLE"]],
  [Code.Canceled, 499, ["CANCELLED"]],
  [Code.AlreadyExists, 409, ["USERNAME_TAKEN", "CLIENT_ID_REUSED"]],
  [Code.FailedPrecondition, 400, ["LAST_OWNER", "MESSAGE_DELETED", "DIRECT_ROOM", "LIMIT_REACHED"]],
  [Code.Unimplemented, 405, ["METHOD_NOT_ALLOWED"]],
  [Code.ResourceExhausted, 413, ["PAYLOAD_TOO_LARGE"]],
  [Code.DeadlineExceeded, 504, ["DEADLINE_EXCEEDED"]],
  [Code.Internal, 500, ["INTERNAL"]],
])("code %i and HTTP %i are those of %s", (code, http, expected) => {
  for (const reason of expected) {
    const error = toConnectError(failWith(reason));
    expect([error.code, httpStatusOf(error), reasonOf(error)]).toEqual([code, http, reason]);
  }
});

describe("conversions", () => {
  const rich = new DomainError({
    reason: "RATE_LIMITED",
    message: "slow down",
    metadata: { limit: "20/s" },
    violations: [{ field: "display_name", description: "must be nicer" }],
    retryAfterMs: 1500.2,
  });

  test("a status carries everything, as Protobuf JSON too", () => {
    const json = toJson(StatusSchema, toStatus(rich), { registry: statusRegistry });
    expect(json).toEqual({
      code: 8,
      message: "slow down",
      details: [
        {
          "@type": "type.googleapis.com/google.rpc.ErrorInfo",
          reason: "RATE_LIMITED",
          domain: "parley",
          metadata: { limit: "20/s" },
        },
        {
          "@type": "type.googleapis.com/google.rpc.BadRequest",
          fieldViolations: [{ field: "display_name", description: "must be nicer" }],
        },
        { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "1.501s" },
      ],
    });
    const back = fromStatus(fromJson(StatusSchema, json, { registry: statusRegistry }));
    expect([back.code, back.rawMessage, reasonOf(back), retryAfterMsOf(back)]).toEqual([
      Code.ResourceExhausted,
      "slow down",
      "RATE_LIMITED",
      1501,
    ]);
    expect(toStatus(back)).toEqual(toStatus(rich));
  });

  test("an error that was converted passes as it is", () => {
    const converted = toConnectError(rich);
    expect(toConnectError(converted)).toBe(converted);
    const arrived = fromStatus(toStatus(rich));
    expect(toConnectError(arrived)).toBe(arrived);
  });

  test.each<[Code, ErrorReason]>([
    [Code.Canceled, "CANCELLED"],
    [Code.DeadlineExceeded, "DEADLINE_EXCEEDED"],
    [Code.Unavailable, "UNAVAILABLE"],
    [Code.InvalidArgument, "INVALID_ARGUMENT"],
    [Code.Unimplemented, "METHOD_NOT_ALLOWED"],
    [Code.ResourceExhausted, "PAYLOAD_TOO_LARGE"],
  ])("a library's bare code %i gets the reason %s", (code, reason) => {
    const error = toConnectError(new ConnectError("from a library", code));
    expect([error.code, error.rawMessage, reasonOf(error)]).toEqual([code, "from a library", reason]);
  });

  test.each([
    new TypeError("secret"),
    "secret",
    undefined,
    new ConnectError("secret", Code.Internal),
    new ConnectError("secret", Code.Unknown),
    new ConnectError("secret", Code.Aborted),
  ])("nothing of an unexpected error is shown: %s", (cause) => {
    const error = toConnectError(cause);
    expect([error.code, error.rawMessage, reasonOf(error)]).toEqual([
      Code.Internal,
      "internal error",
      "INTERNAL",
    ]);
    expect(error.cause).toBe(cause);
    expect(JSON.stringify(toJson(StatusSchema, toStatus(cause), { registry: statusRegistry }))).not.toContain(
      "secret",
    );
  });

  test("aborted work is a cancellation or a deadline", () => {
    expect(reasonOf(toConnectError(AbortSignal.abort().reason))).toBe("CANCELLED");
    expect(reasonOf(toConnectError(new DOMException("late", "TimeoutError")))).toBe("DEADLINE_EXCEEDED");
  });

  test("reasons of other domains are not ours", () => {
    const status = toStatus(new UnauthenticatedError());
    const foreign = fromJson(
      StatusSchema,
      JSON.parse(
        JSON.stringify(toJson(StatusSchema, status, { registry: statusRegistry })).replace("parley", "other"),
      ),
      { registry: statusRegistry },
    );
    expect(reasonOf(fromStatus(foreign))).toBeUndefined();
  });
});

test("errors say what they are", () => {
  const violations = [
    { field: "name", description: "must be 1 to 100 characters" },
    { field: "topic", description: "must be at most 500 characters" },
  ];
  expect(new InvalidArgumentError(violations)).toMatchObject({
    name: "InvalidArgumentError",
    kind: "invalid_argument",
    message: "name: must be 1 to 100 characters; topic: must be at most 500 characters",
  });
  expect(retryAfterMsOf(new RateLimitedError(20))).toBe(20);
  expect(httpStatusOf(toConnectError(new PayloadTooLargeError()))).toBe(413);
});
