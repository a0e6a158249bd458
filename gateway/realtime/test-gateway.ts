import { create } from "@bufbuild/protobuf";
import { pino } from "pino";
import { HelloSchema } from "#gen/parley/realtime/v1/frames_pb.js";
import { startRooms } from "./cursors.ts";
import { createHeadWatch } from "./head-watch.ts";
import { createHellos } from "./hello.ts";
import { createHub } from "./hub.ts";
import { createFrame } from "./server-frame.ts";
import { backoff, createTestClients, type TestClient } from "./test-connection.ts";
import type { World } from "./test-world.ts";

export const roomIds = ["a", "b", "c"];
export const lingerMs = 10;

/** One connection of a person. */
export interface Visit {
  readonly client: TestClient;
  readonly userId: string;
  /** The rooms' heads when the hello had been served. */
  heads: Map<string, number> | undefined;
  gone: boolean;
}

/** A hub with all that is around it, and people who come and go. */
export function createTestGateway(world: World) {
  const clock = { now: 0 };
  const hub = createHub({ link: world.link, log: world.log, backoff, lingerMs, now: () => clock.now });
  const watch = createHeadWatch({
    hub,
    log: world.log,
    connected: () => true,
    logger: pino({ enabled: false }),
    intervalMs: 60_000,
    disconnectedIntervalMs: 1,
    graceMs: 0,
  });
  const caller = (token: string) => ({ userId: token, sessionId: token, expiresAt: 9e15, token });
  const hellos = createHellos({
    hub,
    writes: { introduce: () => 1, retire() {} },
    verifier: { cached: caller, verify: async (token) => caller(token) },
    heartbeatMs: 30_000,
    enterTimeoutMs: 60_000,
    identified() {},
  });
  const connect = createTestClients();
  const visits: Visit[] = [];
  return {
    clock,
    hub,
    watch,
    visits,
    open: () => visits.filter(({ gone, heads }) => !gone && heads),
    async enter(userId: string) {
      const visit: Visit = { client: connect(), userId, heads: undefined, gone: false };
      visits.push(visit);
      await hellos.hello(visit.client.connection, "hello", create(HelloSchema, { accessToken: userId }));
      if (visit.client.connection.closed) visit.gone = true;
      else visit.heads = new Map(roomIds.map((roomId) => [roomId, world.timeline(roomId).length]));
    },
    leave(visit: Visit) {
      visit.gone = true;
      visit.client.connection.closed = true;
      hub.leave(visit.client.connection);
    },
    /** Leaves a mark in the client's frames: what comes after it restarts behind the cursor. */
    resume({ client }: Visit, roomId: string, afterSeq: number) {
      client.connection.push(
        createFrame({ ref: `${roomId} ${afterSeq}`, kind: { case: "pong", value: {} } }),
      );
      startRooms(client.connection, [
        create(HelloSchema, { rooms: [{ roomId, afterSeq: BigInt(afterSeq) }] }).rooms[0] as never,
      ]);
    },
  };
}
