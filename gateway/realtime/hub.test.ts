import { describe, expect, test } from "vitest";
import type { WatchResponse } from "#gen/parley/internal/v1/delivery_service_pb.js";
import { type SeenFrame, turns } from "./test-connection.ts";
import { createTestGateway, lingerMs, roomIds, type Visit } from "./test-gateway.ts";
import { createRandom, createWorld, type World } from "./test-world.ts";

const userIds = ["ann", "bob", "cyd"];

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
  const gateway = createTestGateway(world);
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
    const gateway = createTestGateway(world);
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
    const gateway = createTestGateway(world);
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
