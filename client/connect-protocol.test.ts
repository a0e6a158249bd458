import type { IncomingMessage } from "node:http";
import { create, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { UserSchema } from "#gen/parley/user/v1/user_pb.js";
import { GetUserResponseSchema } from "#gen/parley/user/v1/user_service_pb.js";
import { Code } from "./code.ts";
import { type Answer, errorJson, serve } from "./test-connect-server.ts";

const ada = toBinary(
  GetUserResponseSchema,
  create(GetUserResponseSchema, { user: create(UserSchema, { userId: "1", username: "ada" }) }),
);

describe("a call", () => {
  test("is sent as Connect has it, and its answer read", async () => {
    let asked: IncomingMessage | undefined;
    const { users } = await serve((response, request) => {
      asked = request;
      response.writeHead(200, { "content-type": "application/proto" }).end(ada);
    });
    const answer = await users.getUser({ userId: "1" }, { headers: { "x-one": "1" }, timeoutMs: 4_999.5 });
    expect(answer.user?.username).toBe("ada");
    expect(asked?.url).toBe("/parley.user.v1.UserService/GetUser");
    expect(asked?.headers).toMatchObject({
      "content-type": "application/proto",
      "connect-protocol-version": "1",
      "connect-timeout-ms": "5000",
      "x-one": "1",
    });
  });

  test("fails with the reason that the server says", async () => {
    const { users } = await serve((response) => {
      response.writeHead(404, { "content-type": "application/json" });
      response.end(JSON.stringify(errorJson("not_found", "USER_NOT_FOUND")));
    });
    await expect(users.getUser({ userId: "1" })).rejects.toMatchObject({
      reason: "USER_NOT_FOUND",
      code: Code.NotFound,
      message: "no",
    });
  });

  const unreachable: Record<string, Answer> = {
    "a page of a proxy's, as if all were well": (response) =>
      response.writeHead(200, { "content-type": "text/html" }).end("<h1>Log in to the hotel</h1>"),
    "a proxy that wants a password": (response) =>
      response.writeHead(401, { "content-type": "text/html" }).end("<h1>Who are you?</h1>"),
    "a refusal without a reason": (response) =>
      response.writeHead(401, { "content-type": "application/json" }).end('{"code":"unauthenticated"}'),
    "JSON that is no error": (response) =>
      response.writeHead(502, { "content-type": "application/json" }).end("null"),
    "an error whose details are none": (response) =>
      response
        .writeHead(403, { "content-type": "application/json" })
        .end('{"code":"permission_denied","details":[{"type":"google.rpc.ErrorInfo","value":"%"}]}'),
    "bytes that are no message": (response) =>
      response.writeHead(200, { "content-type": "application/proto" }).end(ada.subarray(0, -3)),
    "a body that is cut off": (response) => {
      response.writeHead(200, { "content-type": "application/proto", "content-length": ada.length });
      response.write(ada.subarray(0, 3), () => response.destroy());
    },
    "an error that is cut off": (response) => {
      response.writeHead(503, { "content-type": "application/json", "content-length": 100 });
      response.write("{", () => response.destroy());
    },
    "no answer at all": (response) => response.destroy(),
  };
  for (const [name, answer] of Object.entries(unreachable)) {
    test(`finds the server unreachable at ${name}`, async () => {
      const { users } = await serve(answer);
      const asking = users.getUser({ userId: "1" });
      await expect(asking).rejects.toMatchObject({ reason: "UNAVAILABLE", code: Code.Unavailable });
    });
  }

  test("for which no time is left fails for that", async () => {
    const { users } = await serve((response) => response.flushHeaders());
    const late = users.getUser({ userId: "1" }, { timeoutMs: -0.5 });
    await expect(late).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
  });

  test("that takes too long, or that nobody waits for any more, ends", async () => {
    const ending = new AbortController();
    const { users } = await serve((response, request) => {
      if (!request.headers["connect-timeout-ms"]) ending.abort();
      response.flushHeaders();
    });
    const late = users.getUser({ userId: "1" }, { timeoutMs: 20, signal: new AbortController().signal });
    await expect(late).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
    const left = users.getUser({ userId: "1" }, { signal: ending.signal });
    await expect(left).rejects.toMatchObject({ reason: "CANCELLED" });
  });
});
