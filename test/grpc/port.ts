import { BlockList } from "node:net";
import type { ServiceImpl } from "@connectrpc/connect";
import { pino } from "pino";
import { afterEach } from "vitest";
import { RealtimeService } from "#gen/parley/realtime/v1/realtime_service_pb.js";
import { RoomService } from "#gen/parley/room/v1/room_service_pb.js";
import { createClientReader } from "../../gateway/clients.ts";
import { createGrpc, type GrpcDeps } from "../../gateway/grpc/grpc.ts";
import { createTestCalls } from "../../gateway/test-calls.ts";
import { createLocalRpc } from "../../services/common/rpc/local.ts";
import { createGrpcClient, type GrpcClient } from "./client.ts";

/** What a test has opened, last first. */
export const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Seen {
  /** The slow call has reached its service. */
  readonly begun: Promise<void>;
  /** Why the slow call's signal aborted, by then. */
  readonly slow: Promise<unknown>;
  /** Items that each stream was asked for, in the order in which the streams began. */
  readonly items: number[];
  /** Streams that are over in their service. */
  ended: number;
}

/** The gRPC port over services of the test's own, in this process. */
export async function startPort(deps: Partial<GrpcDeps> = {}) {
  const logger = pino({ enabled: false });
  const rpc = createLocalRpc({ logger, graceMs: 100 });
  const slow = Promise.withResolvers<unknown>();
  const begun = Promise.withResolvers<void>();
  const seen: Seen = { begun: begun.promise, slow: slow.promise, items: [], ended: 0 };
  const rooms: Partial<ServiceImpl<typeof RoomService>> = {
    listRooms(_, { signal }) {
      begun.resolve();
      return new Promise((_resolve, reject) =>
        signal.addEventListener("abort", () => {
          slow.resolve(signal.reason);
          reject(signal.reason);
        }),
      );
    },
    getRoom() {
      throw new Error("something of the inside");
    },
  };
  rpc.serve(RoomService, rooms as ServiceImpl<typeof RoomService>);
  rpc.serve(RealtimeService, {
    async *subscribe({ epoch }, { signal }) {
      const [count, size] = (epoch ?? "3 10").split(" ").map(Number) as [number, number];
      const stream = seen.items.push(0) - 1;
      try {
        for (let items = 1; items <= count && !signal.aborted; items++) {
          seen.items[stream] = items;
          yield { frame: { ref: "x".repeat(size) } };
          await new Promise(setImmediate);
        }
      } finally {
        seen.ended += 1;
      }
    },
  });
  const calls = createTestCalls(rpc);
  const grpc = createGrpc({
    services: [RoomService, RealtimeService],
    rpc,
    calls,
    clients: createClientReader(new BlockList()),
    tls: undefined,
    logger,
    ...deps,
  });
  const { port } = await grpc.listen({ host: "127.0.0.1", port: 0 });
  closing.push(
    () => rpc.close(),
    () => grpc.close(),
  );
  return { url: `http://127.0.0.1:${port}`, seen, rpc, grpc };
}

export function clientOf(url: string): GrpcClient {
  const client = createGrpcClient(url);
  closing.push(() => client[Symbol.dispose]());
  return client;
}
