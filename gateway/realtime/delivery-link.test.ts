import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { pino } from "pino";
import { afterEach, expect, test } from "vitest";
import {
  type DeliveryService,
  type WatchRequest,
  type WatchResponse,
  WatchResponseSchema,
} from "#gen/parley/internal/v1/delivery_service_pb.js";
import { createDeliveryLink } from "./delivery-link.ts";
import { backoff, turns, until } from "./test-connection.ts";
import { createTestStreams, type TestStream } from "./test-stream.ts";

type Stream = TestStream<WatchRequest, WatchResponse>;

let stop = new AbortController();
afterEach(() => stop.abort());

async function start() {
  stop = new AbortController();
  const { signal } = stop;
  const { streams, call } = createTestStreams<WatchRequest, WatchResponse>();
  const received: WatchResponse[] = [];
  const counts = { reopened: 0 };
  const link = createDeliveryLink({
    delivery: { watch: call } as unknown as Client<typeof DeliveryService>,
    received: (response) => void received.push(response),
    reopened: () => void counts.reopened++,
    backoff: async () => {
      await backoff();
      signal.throwIfAborted();
    },
    logger: pino({ enabled: false }),
  });
  const running = link.run(signal).catch(() => {});
  await turns();
  return { link, streams, received, counts, running, last: () => streams.at(-1) as Stream };
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

const acknowledge = (stream: Stream) =>
  stream.answer(response({ acknowledgedRef: stream.requests.at(-1)?.ref }));

test("interest is in force when it is acknowledged, and not before", async () => {
  const { link, last } = await start();
  let added = false;
  void link.add({ rooms: ["r"], users: ["u"] }).then(() => {
    added = true;
  });
  await turns();
  expect(interestOf(last())).toEqual(["r", "u"]);
  await last().answer(response({ acknowledgedRef: 0n }));
  expect(added).toBe(false);
  await acknowledge(last());
  expect(added).toBe(true);
});

test("what is added and removed in one turn ends as it was last said", async () => {
  const { link, last } = await start();
  link.remove({ rooms: ["a"] });
  void link.add({ rooms: ["a", "b"] });
  link.remove({ rooms: ["b"] });
  await turns();
  expect(interestOf(last())).toEqual(["a"]);
});

test("when the stream breaks, all is stated again, and what waited is acknowledged by the new one", async () => {
  const { link, last, streams, counts } = await start();
  await acknowledge(last());
  expect(link.connected).toBe(true);
  expect(counts.reopened).toBe(1);
  void link.add({ rooms: ["a", "b"] });
  await turns();
  link.remove({ rooms: ["b"] });
  const waiting = link.add({ users: ["u"] });
  await streams[0]?.breakOff();
  await until(() => streams.length === 2);
  expect(link.connected).toBe(false);
  await turns();
  expect(interestOf(last())).toEqual(["a", "u"]);
  await acknowledge(last());
  await waiting;
  expect(link.connected).toBe(true);
  expect(counts.reopened).toBe(2);
});

test("hands on what comes, in order", async () => {
  const { received, last } = await start();
  await last().answer(response({ rebalanced: true }));
  await last().answer(response({ events: [{ roomId: "r", seq: 1n }] }));
  expect(received.map(({ rebalanced, events }) => [rebalanced, events.length])).toEqual([
    [true, 0],
    [false, 1],
  ]);
});

test("refuses interest once it is closed, also what was not sent yet", async () => {
  const { link, running } = await start();
  const sent = expect(link.add({ rooms: ["a"] })).rejects.toThrow("closed");
  await turns();
  const gathered = expect(link.add({ rooms: ["b"] })).rejects.toThrow("closed");
  stop.abort();
  await running;
  await Promise.all([sent, gathered]);
  await expect(link.add({ rooms: ["c"] })).rejects.toThrow("closed");
  link.remove({ rooms: ["a"] });
});
