import { setImmediate } from "node:timers/promises";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  EventTraceSchema,
  RoomSignalSchema,
  type WatchRequest,
  WatchRequestSchema,
  type WatchResponse,
  WatchResponseSchema,
} from "#gen/parley/internal/v1/delivery_service_pb.js";
import { FeedEntrySchema } from "#gen/parley/message/v1/feed_pb.js";
import { type TimelineEvent, TimelineEventSchema } from "#gen/parley/message/v1/timeline_pb.js";
import { createAsyncQueue } from "../common/async-queue.ts";
import type { TimelineRecord } from "./encoded-events.ts";
import { createWatchers, type Watchers } from "./watchers.ts";

// A sign of life would come between what is counted if the machine is slow.
beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] }));
afterEach(() => void vi.useRealTimers());

const settle = async () => {
  for (let i = 0; i < 3; i++) await setImmediate();
};

/** A gateway's stream; what comes is kept in `got`. With `reads: false` it takes nothing. */
function open(watchers: Watchers, options = { reads: true }) {
  const requests = createAsyncQueue<WatchRequest>(100);
  const stream = watchers.watch(requests)[Symbol.asyncIterator]();
  const got: WatchResponse[] = [];
  const ended: Promise<unknown> = options.reads
    ? (async () => {
        for (let next = await stream.next(); !next.done; next = await stream.next()) got.push(next.value);
      })().catch((error: unknown) => error)
    : Promise.resolve();
  let ref = 0n;
  return {
    requests,
    stream,
    got,
    ended,
    async state(interest: MessageInitShape<typeof WatchRequestSchema>) {
      requests.push(create(WatchRequestSchema, { ref: ++ref, ...interest }));
      await settle();
    },
    seen: () => got.flatMap(({ events }) => events.map(({ roomId, seq }) => `${roomId}${seq}`)),
  };
}

const recordOf = (event: MessageInitShape<typeof TimelineEventSchema>): TimelineRecord => {
  const message = create(TimelineEventSchema, event);
  return { key: message.roomId, number: message.seq, message };
};
const post = (roomId: string, seq: bigint) =>
  recordOf({ roomId, seq, body: { case: "messagePosted", value: { text: `${roomId}${seq}` } } });
const join = (roomId: string, seq: bigint, userId: string) =>
  recordOf({ roomId, seq, body: { case: "memberJoined", value: { userId } } });

/** As a log hands it over that keeps bytes. */
const stored = ({ key, number, message }: TimelineRecord): TimelineRecord => {
  const bytes = toBinary(TimelineEventSchema, message);
  const { body } = message;
  const fields = body.case === "memberJoined" ? [1, 2, 10] : [1, 2, 5];
  return {
    key,
    number,
    encoded: { bytes, fields },
    get message(): TimelineEvent {
      if (body.case === "memberJoined") return message;
      throw new Error("this one need not be decoded");
    },
  };
};
/** As it comes to a gateway in another process. */
const arrived = (response: WatchResponse) =>
  fromBinary(WatchResponseSchema, toBinary(WatchResponseSchema, response));
const typing = (roomId: string) =>
  create(RoomSignalSchema, { roomId, userId: "u", kind: { case: "typing", value: {} } });

test("acknowledges interest, and forwards what it concerns from then on", async () => {
  const watchers = createWatchers({ maxQueuedBatches: 10 });
  const gateway = open(watchers);
  const other = open(watchers);
  await gateway.state({ addRooms: ["a", "b"], addUsers: ["u"] });
  await other.state({ addRooms: ["b"] });
  expect(gateway.got[0]?.acknowledgedRef).toBe(1n);
  watchers.events([post("a", 1n), post("b", 1n), post("c", 1n)]);
  watchers.feedEntries([
    { userId: "u", entry: create(FeedEntrySchema, { seq: 4n }) },
    { userId: "v", entry: create(FeedEntrySchema, { seq: 5n }) },
  ]);
  watchers.signals([typing("a")]);
  await settle();
  expect(gateway.seen()).toEqual(["a1", "b1"]);
  expect(other.seen()).toEqual(["b1"]);
  expect(gateway.got.flatMap(({ feedEntries }) => feedEntries.map(({ entry }) => entry?.seq))).toEqual([4n]);
  expect(gateway.got.flatMap(({ signals }) => signals)).toHaveLength(1);
  await gateway.state({ removeRooms: ["a"], removeUsers: ["u"] });
  watchers.events([post("a", 2n), post("b", 2n), join("c", 2n, "u")]);
  await settle();
  expect(gateway.seen()).toEqual(["a1", "b1", "b2"]);
});

test("a join goes to the person's gateway too, once", async () => {
  const watchers = createWatchers({ maxQueuedBatches: 10 });
  const gateway = open(watchers);
  await gateway.state({ addRooms: ["a"], addUsers: ["u"] });
  watchers.events([join("a", 1n, "u"), join("new", 1n, "u"), post("new", 2n), join("new", 3n, "v")]);
  await settle();
  expect(gateway.seen()).toEqual(["a1", "new1"]);
});

test("a stream that is full is cut and forgotten, the others go on", async () => {
  const watchers = createWatchers({ maxQueuedBatches: 3 });
  const slow = open(watchers, { reads: false });
  const quick = open(watchers);
  const first = slow.stream.next();
  await slow.state({ addRooms: ["a"] });
  await first;
  await quick.state({ addRooms: ["a"] });
  for (let seq = 1n; seq <= 6n; seq++) {
    watchers.events([post("a", seq)]);
    await settle();
  }
  await expect(slow.stream.next()).rejects.toThrow("too slow");
  expect(quick.seen()).toEqual(["a1", "a2", "a3", "a4", "a5", "a6"]);
  // What it still states is no one's interest.
  await slow.state({ addRooms: ["b"] });
  expect(slow.requests.ended).toBe(true);
});

test("every stream is told when partitions were divided anew, whatever it is interested in", async () => {
  const watchers = createWatchers({ maxQueuedBatches: 4 });
  const gateways = [open(watchers), open(watchers)];
  for (const { state } of gateways) await state({ addRooms: ["a"] });
  watchers.rebalanced();
  await settle();
  for (const { got } of gateways) expect(got.map(({ rebalanced }) => rebalanced)).toEqual([false, true]);
});

test("signals are not given to a stream that is behind", async () => {
  const watchers = createWatchers({ maxQueuedBatches: 4 });
  const gateway = open(watchers, { reads: false });
  const first = gateway.stream.next();
  await gateway.state({ addRooms: ["a"] });
  await first;
  for (let i = 0; i < 10; i++) watchers.signals([typing("a")]);
  watchers.events([post("a", 1n)]);
  const kinds: string[] = [];
  for (let i = 0; i < 3; i++) {
    const { value } = await gateway.stream.next();
    kinds.push((value as WatchResponse).events.length > 0 ? "event" : "signal");
  }
  expect(kinds).toEqual(["signal", "signal", "event"]);
});

test("streams end with their requests, with their consumer, and with the service", async () => {
  const watchers = createWatchers({ maxQueuedBatches: 4 });
  const done = open(watchers);
  const left = open(watchers, { reads: false });
  const open1 = open(watchers);
  await done.state({ addRooms: ["a"] });
  done.requests.end();
  expect(await done.ended).toBeUndefined();
  const first = left.stream.next();
  await left.state({ addRooms: ["a"] });
  await first;
  await left.stream.return?.();
  watchers.close();
  expect(await open1.ended).toBeUndefined();
});

test("shows a sign of life every second, unless something else waits to be taken", async () => {
  const watchers = createWatchers({ maxQueuedBatches: 4 });
  const [idle, behind] = [open(watchers), open(watchers, { reads: false })];
  const first = behind.stream.next();
  await behind.state({ addRooms: ["a"] });
  await first;
  watchers.events([post("a", 1n)]);
  for (let second = 0; second < 10; second++) {
    vi.advanceTimersByTime(1000);
    await settle();
  }
  expect(idle.got).toHaveLength(10);
  const { value } = await behind.stream.next();
  expect((value as WatchResponse).events).toHaveLength(1);
  watchers.close();
  expect((await behind.stream.next()).done).toBe(true);
});

test("what the log keeps as bytes is passed on as it is, and only joins are looked into", async () => {
  const watchers = createWatchers({ maxQueuedBatches: 10 });
  const gateway = open(watchers);
  const other = open(watchers);
  await gateway.state({ addRooms: ["a", "b"], addUsers: ["u"] });
  await other.state({ addRooms: ["b"] });
  const posts = [post("a", 1n), post("b", 7n), post("a", 2n), post("c", 1n)];
  const joins = [join("a", 3n, "u"), join("new", 1n, "u"), join("new", 2n, "v")];
  const trace = create(EventTraceSchema, { roomId: "b", seq: 7n, traceparent: "00-1-2-01" });
  watchers.events(
    [...posts, ...joins].map((record) => stored(record)),
    [trace],
  );
  await settle();
  const events = (got: WatchResponse[]) => got.flatMap((response) => arrived(response).events);
  const sent = [posts[0], posts[1], posts[2], joins[0], joins[1]].map((record) => record?.message);
  expect(events(gateway.got)).toEqual(sent);
  expect(events(other.got)).toEqual([posts[1]?.message]);
  expect(other.got.flatMap((response) => arrived(response).traces)).toEqual([trace]);
});
