import { create, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "#gen/google/rpc/error_details_pb.js";
import { Code } from "./code.ts";
import { errorOfDetails, isSessionError, toParleyError } from "./errors.ts";

test("an error of the server's has its reason and what else it says", () => {
  const error = errorOfDetails(Code.ResourceExhausted, "slower", [
    {
      type: ErrorInfoSchema.typeName,
      value: toBinary(ErrorInfoSchema, create(ErrorInfoSchema, { reason: "RATE_LIMITED" })),
    },
    {
      type: RetryInfoSchema.typeName,
      value: toBinary(RetryInfoSchema, create(RetryInfoSchema, { retryDelay: { seconds: 1n, nanos: 5e8 } })),
    },
    {
      type: BadRequestSchema.typeName,
      value: toBinary(
        BadRequestSchema,
        create(BadRequestSchema, { fieldViolations: [{ field: "name", description: "short" }] }),
      ),
    },
  ]);
  expect(error).toMatchObject({
    reason: "RATE_LIMITED",
    code: Code.ResourceExhausted,
    message: "slower",
    retryAfter: 1500,
    fields: [{ field: "name", message: "short" }],
  });
});

test("an answer of something before the server says nothing about the session", () => {
  const error = errorOfDetails(Code.Unauthenticated, "log in to the hotel", []);
  expect(error).toMatchObject({ reason: "UNAVAILABLE", code: Code.Unavailable });
  expect(isSessionError(error)).toBe(false);
});

test("what came without an answer is told apart", () => {
  expect(toParleyError(new TypeError("fetch failed"))).toMatchObject({ reason: "UNAVAILABLE" });
  expect(toParleyError(new DOMException("late", "TimeoutError"))).toMatchObject({
    reason: "DEADLINE_EXCEEDED",
  });
  expect(toParleyError(new DOMException("enough", "AbortError"))).toMatchObject({ reason: "CANCELLED" });
});
