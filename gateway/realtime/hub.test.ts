import { create } from "@bufbuild/protobuf";
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import type { WatchResponse } from "#gen/parley/internal/v1/delivery_service_pb.js";
import { HelloSchema } from "#gen/parley/realtime/v1/frames_pb.js";
import { startRooms } from "./cursors.ts";
import { createHeadWatch } from "./head-watch.ts";
import { createHellos } from "./hello.ts";
import { createHub } from "./hub.ts";
import { createFrame } from "./server-frame.ts";
import { backoff, createTestClients, type SeenFrame, type TestClient, turns } from "./test-connection.ts";
import { createRandom, createWorld, type World } from "./test-world.ts";

const roomIds = ["a", "b", "c"];
const userIds = ["ann", "bob", "cyd"];
const lingerMs = 10;

interface Visit {
  readonly client: TestClient;
  readonly userId: string;
  /** The rooms' heads when the hello had been served. */
  heads: Map<string, number> | undefined;
  gone: boolean;
}

function createGateway(world: World) {
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

/** Follows what one client saw of one room; throws where it breaks the promise. Answers the last seq, if it is in. */
function checkRoom(
  seen: readonly SeenFrame[],
  roomId: string,
  visit: Visit,
  world: World,
): number | undefined {
  type Next = number | "first" | "out";
  let next = "first" as Next;
  let before: Next = next;
  // A cursor may name the very event by which the person left: then nothing follows until they join again.
  let resumed = false;
  // Who is in sees the whole history, also beyond where they left once.
  let replaying = false;
  let afterLeave = 0;
  for (const frame of seen) {
    if (frame.pong && frame.ref?.startsWith(`${roomId} `)) {
      before = next;
      resumed = true;
      replaying = true;
      next = Number(frame.ref.split(" ")[1]) + 1;
    } else if (frame.roomGone?.roomId === roomId) {
      next = before;
    } else if (frame.gap?.roomId === roomId) {
      next = Number(frame.gap.nextSeq);
    } else if (frame.caughtUp?.roomId === roomId) {
      replaying = false;
    } else if (frame.event?.roomId === roomId) {
      const seq = Number(frame.event.seq);
      const { body } = world.timeline(roomId)[seq - 1] ?? {};
      const joins = body?.case === "memberJoined" && body.value.userId === visit.userId;
      if (next === "first") expect(joins || seq <= (visit.heads?.get(roomId) ?? 0) + 1).toBe(true);
      else if (next === "out") expect(joins || (replaying && seq === afterLeave)).toBe(true);
      else if (!(resumed && joins)) expect(seq).toBe(next);
      resumed = false;
      const leaves =
        (body?.case === "memberLeft" || body?.case === "memberRemoved") && body.value.userId === visit.userId;
      afterLeave = seq + 1;
      next = leaves || body?.case === "roomDeleted" ? "out" : seq + 1;
    }
  }
  if (resumed && !world.isMember(roomId, visit.userId)) return undefined;
  return typeof next === "number" ? next - 1 : undefined;
}

async function live(seed: number): Promise<void> {
  const random = createRandom(seed);
  const world = createWorld(random);
  const gateway = createGateway(world);
  const stop = new AbortController();
  const watching = gateway.watch.run(stop.signal);
  const entering: Promise<void>[] = [];
  const deleted = new Set<string>();

  function step(): void {
    const what = random();
    const roomId = world.pick(roomIds) as string;
    const userId = world.pick(userIds) as string;
    const visit = world.pick(gateway.open());
    if (what < 0.3 && !deleted.has(roomId)) world.post(roomId);
    else if (what < 0.42 && !deleted.has(roomId)) {
      if (world.isMember(roomId, userId)) world.leave(roomId, userId);
      else world.join(roomId, userId);
    } else if (what < 0.6) for (const each of world.arriving(0.5)) gateway.hub.receive(each);
    else if (what < 0.65) entering.push(gateway.enter(userId));
    else if (what < 0.68) {
      const any = world.pick(gateway.visits.filter(({ gone }) => !gone));
      if (any) gateway.leave(any);
    } else if (what < 0.74) visit?.client.stall();
    else if (what < 0.82) visit?.client.drain();
    else if (what < 0.86 && visit) {
      gateway.resume(visit, roomId, Math.floor(random() * (world.timeline(roomId).length + 2)));
    } else if (what < 0.9) {
      gateway.clock.now += lingerMs;
      gateway.hub.sweep();
    } else if (what < 0.92) gateway.watch.check();
    else if (what < 0.923) {
      deleted.add(roomId);
      world.remove(roomId);
    }
  }

  for (let i = 0; i < 300; i++) {
    step();
    if (random() < 0.5) await turns(1);
  }
  await Promise.all(entering);
  for (let i = 0; i < 40; i++) {
    for (const each of world.arriving(1)) gateway.hub.receive(each);
    for (const { client } of gateway.open()) client.drain();
    gateway.watch.check();
    await turns(15);
  }

  for (const visit of gateway.visits) {
    const { seen } = visit.client;
    const feedSeqs = seen.flatMap(({ feed }) => (feed ? [Number(feed.seq)] : []));
    const start = Number(seen.find(({ ready }) => ready)?.ready?.feedSeq ?? 0);
    expect(feedSeqs).toEqual(feedSeqs.map((_, i) => start + 1 + i));
    if (!visit.gone) expect(start + feedSeqs.length).toBe(world.feedOf(visit.userId).length);
    for (const roomId of roomIds) {
      const last = checkRoom(seen, roomId, visit, world);
      if (visit.gone || !visit.heads) continue;
      const head = world.timeline(roomId).length;
      if (!world.isMember(roomId, visit.userId)) expect(last).toBeUndefined();
      else expect(last ?? visit.heads.get(roomId)).toBe(head);
    }
  }

  for (const visit of gateway.visits) if (!visit.gone) gateway.leave(visit);
  gateway.clock.now += lingerMs;
  gateway.hub.sweep();
  await turns(20);
  expect([...gateway.hub.rooms()]).toEqual([]);
  expect([...gateway.hub.users()]).toEqual([]);
  expect([...world.interest.rooms, ...world.interest.users]).toEqual([]);
  stop.abort();
  await watching;
  gateway.hub.close();
}

describe("hub", () => {
  test("whatever is lost, late or doubled, whoever comes, goes and stalls: each connection sees what it should", async () => {
    for (let seed = 1; seed <= 40; seed++) {
      await live(seed).catch((cause: unknown) => {
        throw new Error(`with seed ${seed}`, { cause });
      });
    }
  }, 60_000);

  test("who enters beside another connection finds what Delivery has still to tell", async () => {
    const world = createWorld(() => 0.5);
    const gateway = createGateway(world);
    await gateway.enter("ann");
    world.join("a", "ann");
    world.post("a");
    await gateway.enter("ann");
    await turns(20);
    const [first, second] = gateway.visits.map(({ client }) => client.seen);
    expect(second?.find(({ ready }) => ready)?.ready?.feedSeq).toBe("1");
    expect(gateway.hub.user("ann")?.rooms.get("a")?.seq).toBe(2);
    world.post("a");
    for (const each of world.arriving(1)) gateway.hub.receive(each);
    await turns(20);
    const seqs = (seen: typeof first) => seen?.flatMap(({ event }) => event?.seq ?? []);
    expect(seqs(first)).toEqual(["1", "2", "3"]);
    expect(seqs(second)).toEqual(["3"]);
    gateway.hub.close();
  });

  test("a join that comes again when the person has long left begins nothing", async () => {
    const world = createWorld(() => 0.5);
    const gateway = createGateway(world);
    world.post("a");
    await gateway.enter("ann");
    const seen = () => gateway.visits[0]?.client.seen.flatMap(({ event }) => event?.seq ?? []);
    world.join("a", "ann");
    const [joining] = world.arriving(1);
    gateway.hub.receive(joining as WatchResponse);
    await turns(20);
    world.leave("a", "ann");
    for (const each of world.arriving(1)) gateway.hub.receive(each);
    await turns(20);
    expect(seen()).toEqual(["2", "3"]);
    for (let i = 0; i < 2; i++) {
      gateway.clock.now += lingerMs;
      gateway.hub.sweep();
    }
    expect([...gateway.hub.rooms()]).toEqual([]);
    gateway.hub.receive(joining as WatchResponse);
    await turns(20);
    expect([...gateway.hub.rooms()]).toEqual([]);
    world.join("a", "ann");
    for (const each of world.arriving(1)) gateway.hub.receive(each);
    await turns(20);
    expect(seen()).toEqual(["2", "3", "4"]);
    gateway.hub.close();
  });
});
