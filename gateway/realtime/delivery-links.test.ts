import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { pino } from "pino";
import { describe, expect, test, vi } from "vitest";
import {
  type DeliveryService,
  type WatchRequest,
  type WatchResponse,
  WatchResponseSchema,
} from "#gen/parley/internal/v1/delivery_service_pb.js";
import { createDeliveryLinks } from "./delivery-links.ts";
import { turns, until } from "./test-connection.ts";
import { createTestServers, useLinkSetting } from "./test-links.ts";
import { createTestReplicas } from "./test-replicas.ts";
import type { TestStream } from "./test-stream.ts";

type Stream = TestStream<WatchRequest, WatchResponse>;

const setting = useLinkSetting();

const settleMs = 15_000;

async function start(...ids: string[]) {
  const { serverOf, streamOf } = createTestServers<WatchRequest, WatchResponse>();
  const replicas = createTestReplicas<typeof DeliveryService>(
    (id) => ({ watch: serverOf(id).call }) as unknown as Client<typeof DeliveryService>,
  );
  replicas.set(...ids);
  const received: WatchResponse[] = [];
  const counts = { missed: 0 };
  const clock = { now: 0 };
  const links = createDeliveryLinks({
    replicas,
    received: (response) => void received.push(response),
    missed: () => void counts.missed++,
    backoff: setting.backoff,
    settleMs,
    logger: pino({ enabled: false }),
    now: () => clock.now,
  });
  const running = links.run(setting.signal);
  await turns();
  const last = (id = "a") => streamOf(id);
  const acknowledge = (id = "a") =>
    last(id).answer(response({ acknowledgedRef: last(id).requests.at(-1)?.ref }));
  /** Asks for rooms; answers whether they are in force by now. */
  const add = async (...rooms: string[]) => {
    let added = false;
    void links.add({ rooms }).then(() => {
      added = true;
    });
    await turns();
    return () => added;
  };
  return { links, replicas, serverOf, received, counts, clock, running, last, acknowledge, add };
}

const response = (init: MessageInitShape<typeof WatchResponseSchema>) => create(WatchResponseSchema, init);

/** What a stream was told of rooms and people, as Delivery has it. */
function interestOf({ requests }: Stream) {
  const all = new Set<string>();
  for (const { addRooms, addUsers, removeRooms, removeUsers } of requests) {
    for (const key of [...addRooms, ...addUsers]) all.add(key);
    for (const key of [...removeRooms, ...removeUsers]) all.delete(key);
  }
  return [...all].sort();
}

describe("one replica", () => {
  test("interest is in force when it is acknowledged, and not before", async () => {
    const { links, last, acknowledge } = await start("a");
    let added = false;
    void links.add({ rooms: ["r"], users: ["u"] }).then(() => {
      added = true;
    });
    await turns();
    expect(interestOf(last())).toEqual(["r", "u"]);
    await last().answer(response({ acknowledgedRef: 0n }));
    expect(added).toBe(false);
    await acknowledge();
    expect(added).toBe(true);
  });

  test("what is added and removed in one turn ends as it was last said", async () => {
    const { links, last } = await start("a");
    links.remove({ rooms: ["a"] });
    void links.add({ rooms: ["a", "b"] });
    links.remove({ rooms: ["b"] });
    await turns();
    expect(interestOf(last())).toEqual(["a"]);
  });

  test("when the stream breaks, all is stated again, and what waited is acknowledged by the new one", async () => {
    const { links, last, serverOf, counts, clock, acknowledge } = await start("a");
    await acknowledge();
    expect(links.connected).toBe(true);
    expect(counts.missed).toBe(1);
    void links.add({ rooms: ["a", "b"] });
    await turns();
    links.remove({ rooms: ["b"] });
    const waiting = links.add({ users: ["u"] });
    await last().breakOff();
    expect(links.connected).toBe(false);
    expect(counts.missed).toBe(2);
    await until(() => serverOf("a").streams.length === 2);
    await turns();
    expect(interestOf(last())).toEqual(["a", "u"]);
    await acknowledge();
    await waiting;
    expect(counts.missed).toBe(3);
    expect(links.connected).toBe(false);
    clock.now += settleMs;
    expect(links.connected).toBe(true);
  });

  test("much interest is stated in slices, and is in force with the last of them", async () => {
    const { links, last, serverOf, acknowledge } = await start("a");
    const rooms = Array.from({ length: 12_000 }, (_, i) => `${i}`);
    void links.add({ rooms });
    await turns();
    await last().breakOff();
    await until(() => serverOf("a").streams.length === 2);
    await turns();
    const { requests } = last();
    expect(requests.map(({ addRooms }) => addRooms.length)).toEqual([5000, 5000, 2000, 0]);
    for (const { ref } of requests.slice(0, 3)) await last().answer(response({ acknowledgedRef: ref }));
    expect(links.any()).toBeUndefined();
    await acknowledge();
    expect(links.any()).toBeDefined();
  });

  test("hands on what comes, in order", async () => {
    const { received, last } = await start("a");
    await last().answer(response({ rebalanced: true }));
    await last().answer(response({ events: [{ roomId: "r", seq: 1n }] }));
    expect(received.map(({ rebalanced, events }) => [rebalanced, events.length])).toEqual([
      [true, 0],
      [false, 1],
    ]);
  });

  test("refuses interest once it is closed, also what was not sent yet", async () => {
    const { links, running } = await start("a");
    const sent = expect(links.add({ rooms: ["a"] })).rejects.toThrow("closed");
    await turns();
    const gathered = expect(links.add({ rooms: ["b"] })).rejects.toThrow("closed");
    setting.stop();
    await running;
    await Promise.all([sent, gathered]);
    await expect(links.add({ rooms: ["c"] })).rejects.toThrow("closed");
    links.remove({ rooms: ["a"] });
  });
});

describe("several replicas", () => {
  test("interest is in force when all that stand have acknowledged it", async () => {
    const { last, acknowledge, add } = await start("a", "b", "c");
    await acknowledge("a");
    await acknowledge("b");
    const added = await add("r");
    expect(["a", "b", "c"].map((id) => interestOf(last(id)))).toEqual([["r"], ["r"], ["r"]]);
    await acknowledge("a");
    expect(added()).toBe(false);
    await acknowledge("b");
    expect(added()).toBe(true);
  });

  test("one that is away holds nothing up, but leaves heads to be compared", async () => {
    const { links, last, acknowledge, add, counts } = await start("a", "b");
    await acknowledge("a");
    await acknowledge("b");
    expect(links.connected).toBe(true);
    const added = await add("r");
    await acknowledge("a");
    expect(added()).toBe(false);
    const { missed } = counts;
    await last("b").breakOff();
    expect(added()).toBe(true);
    expect(counts.missed).toBe(missed + 1);
    expect(links.connected).toBe(false);
    const next = await add("s");
    await acknowledge("a");
    expect(next()).toBe(true);
    expect(links.any()?.watch).toBeDefined();
  });

  test("one that comes is told everything, and waited for once it stands", async () => {
    const { links, replicas, last, acknowledge, add, counts } = await start("a");
    await acknowledge("a");
    await add("r");
    await acknowledge("a");
    replicas.set("a", "b");
    await turns();
    expect(interestOf(last("b"))).toEqual(["r"]);
    expect(links.connected).toBe(false);
    const added = await add("s");
    await acknowledge("a");
    expect(added()).toBe(true);
    const { missed } = counts;
    await acknowledge("b");
    expect(counts.missed).toBe(missed + 1);
    expect(links.connected).toBe(true);
    const next = await add("t");
    await acknowledge("a");
    expect(next()).toBe(false);
    await acknowledge("b");
    expect(next()).toBe(true);
  });

  test("one that is gone for good counts no longer, after what was missed is looked for", async () => {
    const { links, replicas, acknowledge, add, counts, clock } = await start("a", "b");
    await acknowledge("a");
    await acknowledge("b");
    const added = await add("r");
    await acknowledge("a");
    replicas.set("a");
    await turns();
    expect(added()).toBe(true);
    expect(counts.missed).toBe(3);
    expect(links.replicas).toEqual({ known: 1, standing: 1 });
    expect(links.connected).toBe(false);
    clock.now += settleMs;
    expect(links.connected).toBe(true);
  });

  test("one that hangs holds interest up until it has been silent for seconds", async () => {
    const { last, serverOf, acknowledge, add } = await start("a", "b");
    await acknowledge("a");
    await acknowledge("b");
    const added = await add("r");
    await acknowledge("a");
    for (let second = 1; second <= 4; second++) {
      expect(added()).toBe(false);
      vi.advanceTimersByTime(1000);
      await last("a").answer(response({}));
    }
    expect(added()).toBe(true);
    await until(() => serverOf("b").streams.length === 2);
    await turns();
    expect(interestOf(last("b"))).toEqual(["r"]);
  });
});
