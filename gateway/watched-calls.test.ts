import { create } from "@bufbuild/protobuf";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { GetRoomRequestSchema, RoomService } from "#gen/parley/room/v1/room_service_pb.js";
import { createLocalRpc } from "../services/common/rpc/local.ts";
import { createTestCalls } from "./test-calls.ts";
import { watchCalls } from "./watched-calls.ts";

const logger = pino({ level: "silent" });

test("a gateway that traces nothing passes on what a trusted proxy traces, and no stranger's word", async () => {
  const rpc = createLocalRpc({ logger });
  onTestFinished(() => rpc.close());
  const told: (string | null)[] = [];
  const getRoom = (_: unknown, { requestHeader }: { requestHeader: Headers }) => {
    told.push(requestHeader.get("traceparent"));
    return {};
  };
  rpc.serve(RoomService, { getRoom } as never);
  const calls = watchCalls(createTestCalls(rpc), { logger, tally: undefined, tracer: undefined });
  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  for (const fromProxy of [false, true]) {
    await calls.unary(RoomService.method.getRoom, create(GetRoomRequestSchema), {
      surface: "rest",
      address: "192.0.2.1",
      requestId: "1",
      authorization: undefined,
      signal: new AbortController().signal,
      timeoutMs: undefined,
      traceparent,
      fromProxy,
    });
  }
  expect(told).toEqual([null, traceparent]);
});
