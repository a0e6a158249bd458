import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.js";
import { AuthService } from "#gen/parley/auth/v1/auth_service_pb.js";
import { AuthInternalService } from "#gen/parley/internal/v1/auth_internal_service_pb.js";
import { RoomService } from "#gen/parley/room/v1/room_service_pb.js";
import { UserService } from "#gen/parley/user/v1/user_service_pb.js";
import { createApi, type Person } from "../conformance/api.ts";
import { sharedStack, sharedTopologies } from "../conformance/shared-stack.ts";
import type { RunningStack } from "../stack.ts";
import { createGrpcClient, faultOf, type GrpcClient } from "./client.ts";

describe.each(sharedTopologies)("gRPC, $name", (topology) => {
  let stack: RunningStack;
  let client: GrpcClient;
  let ada: Person;
  beforeAll(async () => {
    stack = await sharedStack(topology);
    client = createGrpcClient(stack.grpcUrl);
    ada = await createApi(stack.url).register();
  });
  afterAll(() => client?.[Symbol.dispose]());
  const requestId = expect.stringMatching(/^[0-9a-f-]{36}$/);

  test("answers calls", async () => {
    const { message, headers } = await client.unary(UserService.method.getMe, {}, { token: ada.accessToken });
    expect(message.user?.userId).toBe(ada.userId);
    expect(headers.get("x-request-id")).toEqual([requestId]);
  });

  test("answers connect-node's client", async () => {
    const transport = createGrpcTransport({ baseUrl: stack.grpcUrl });
    const headers = { authorization: `Bearer ${ada.accessToken}` };
    const { user } = await createClient(UserService, transport).getMe({}, { headers });
    expect(user?.userId).toBe(ada.userId);
    const error = await createClient(RoomService, transport)
      .getRoom({ roomId: crypto.randomUUID() }, { headers })
      .catch(ConnectError.from);
    expect((error as ConnectError).findDetails(ErrorInfoSchema)[0]?.reason).toBe("ROOM_NOT_FOUND");
    expect((error as ConnectError).metadata.get("x-request-id")).toEqual(requestId);
  });

  test("refuses with code, reason and fields", async () => {
    expect(await faultOf(client.unary(UserService.method.getMe, {}))).toMatchObject({
      code: status.UNAUTHENTICATED,
      reason: "UNAUTHENTICATED",
      requestId,
    });
    const weak = { username: "x", password: "short" };
    expect(await faultOf(client.unary(AuthService.method.register, weak))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: "INVALID_ARGUMENT",
      fields: ["username", "password"],
      requestId,
    });
  });

  test("refuses what is no message", async () => {
    const call = client.unary(UserService.method.getUser, Buffer.from([0xff, 0xff, 0xff]));
    expect(await faultOf(call)).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: "INVALID_ARGUMENT",
      fields: [""],
      requestId,
    });
  });

  test("refuses messages above 128 KiB, as sent and as unpacked", async () => {
    const tooLarge = { code: status.RESOURCE_EXHAUSTED, reason: "PAYLOAD_TOO_LARGE", requestId };
    const { getUser } = UserService.method;
    const largest = await faultOf(client.unary(getUser, { userId: "x".repeat(128 * 1024 - 4) }));
    expect(largest).not.toMatchObject(tooLarge);
    expect(await faultOf(client.unary(getUser, { userId: "x".repeat(128 * 1024) }))).toMatchObject(tooLarge);
    using gzip = createGrpcClient(stack.grpcUrl, { "grpc.default_compression_algorithm": 2 });
    const bomb = gzip.unary(getUser, { userId: "x".repeat(64 * 1024 * 1024) });
    expect(await faultOf(bomb)).toMatchObject(tooLarge);
  });

  test("takes gzip", async () => {
    using gzip = createGrpcClient(stack.grpcUrl, { "grpc.default_compression_algorithm": 2 });
    const input = { userIds: Array.from({ length: 100 }, () => ada.userId) };
    const { message } = await gzip.unary(UserService.method.batchGetUsers, input, { token: ada.accessToken });
    expect(message.users).toHaveLength(1);
  });

  test("tells tools by reflection what there is", async () => {
    const curl = (...words: string[]) =>
      promisify(execFile)(join(import.meta.dirname, "../../node_modules/.bin/buf"), [
        "curl",
        "--protocol=grpc",
        "--http2-prior-knowledge",
        ...words,
      ]);
    const { stdout: listed } = await curl("--list-services", stack.grpcUrl);
    expect(listed).toContain("parley.room.v1.RoomService");
    expect(listed).not.toContain("internal");
    const token = `Authorization: Bearer ${ada.accessToken}`;
    const { stdout } = await curl("--header", token, `${stack.grpcUrl}/parley.user.v1.UserService/GetMe`);
    expect(JSON.parse(stdout).user.userId).toBe(ada.userId);
  });

  test("has no internal services", async () => {
    const call = client.unary(AuthInternalService.method.getKeySet, {}, { token: ada.accessToken });
    expect(await faultOf(call)).toMatchObject({ code: status.UNIMPLEMENTED });
  });
});
