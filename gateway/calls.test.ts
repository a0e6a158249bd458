import { create, type DescMethodUnary } from "@bufbuild/protobuf";
import { createRouterTransport } from "@connectrpc/connect";
import { expect, test } from "vitest";
import {
  GetRoomRequestSchema,
  LeaveRoomRequestSchema,
  RoomService,
} from "#gen/parley/room/v1/room_service_pb.js";
import { OverloadedError } from "../services/common/errors.ts";
import { createTestCalls } from "./test-calls.ts";

/** A Room whose calls end when they are told to. */
function start(replicas: number) {
  const begun: string[] = [];
  const open: (() => void)[] = [];
  const hang = (name: string) => () => {
    begun.push(name);
    return new Promise<object>((resolve) => open.push(() => resolve({})));
  };
  const transport = createRouterTransport((router) => {
    router.service(RoomService, { getRoom: hang("getRoom"), leaveRoom: hang("leaveRoom") });
  });
  const calls = createTestCalls({ transport: () => transport }, { replicas });
  const origin = {
    surface: "rest",
    address: "192.0.2.1",
    requestId: "1",
    authorization: undefined,
    signal: new AbortController().signal,
    timeoutMs: undefined,
    traceparent: undefined,
    fromProxy: false,
  } as const;
  const ask = (
    method: DescMethodUnary,
    schema: typeof GetRoomRequestSchema | typeof LeaveRoomRequestSchema,
  ) => calls.unary(method, create(schema as typeof GetRoomRequestSchema), origin);
  return {
    begun,
    reads: (count: number) =>
      Array.from({ length: count }, () => ask(RoomService.method.getRoom, GetRoomRequestSchema)),
    write: () => ask(RoomService.method.leaveRoom, LeaveRoomRequestSchema),
    admit: (method: "getRoom" | "leaveRoom") => calls.admit(RoomService.method[method], origin),
    endAll: () => {
      for (const end of open.splice(0)) end();
    },
  };
}

test.each([1, 2])(
  "eight reads are under way for each of %i replicas; writes wait for no read",
  async (replicas) => {
    const { begun, reads, write, endAll } = start(replicas);
    const asked = reads(8 * replicas + 3);
    const written = write();
    await expect.poll(() => begun.length).toBe(8 * replicas + 1);
    expect(begun).toContain("leaveRoom");
    endAll();
    await expect.poll(() => begun.length).toBe(8 * replicas + 4);
    endAll();
    await Promise.all([...asked, written]);
  },
);

test("reads that wait in a crowd are refused further ones, writes are not", async () => {
  const { reads, admit, endAll } = start(1);
  const asked = reads(1008);
  expect(() => admit("getRoom")).toThrow(OverloadedError);
  expect(() => admit("leaveRoom")).not.toThrow();
  let done = false;
  const all = Promise.all(asked).finally(() => {
    done = true;
  });
  while (!done) {
    endAll();
    await new Promise(setImmediate);
  }
  await all;
  expect(() => admit("getRoom")).not.toThrow();
}, 20_000);
