import { expect, test } from "vitest";
import { forCaller } from "../common/caller-gone.ts";
import { CancelledError, UnavailableError } from "../common/errors.ts";
import type { OutboxEntry } from "../common/events/outbox.ts";
import { timelineTopic } from "../common/events/topics.ts";
import { newId } from "../common/ids.ts";
import { openTestDatabase, roomChange } from "./test-database.ts";
import { logger } from "./test-message.ts";
import { createTimelineQueue, type MessageDatabase } from "./timeline-queue.ts";
import type { OpResult, SendOp } from "./types.ts";

async function setUp(intercept: (call: MessageDatabase["call"]) => MessageDatabase["call"] = (call) => call) {
  const database = await openTestDatabase();
  const announced: OutboxEntry[] = [];
  const queue = createTimelineQueue({
    database: { call: intercept(database.call) },
    outbox: { committed: (entries) => void announced.push(...entries), takePublished: () => [] },
    logger,
  });
  const [roomId, userId] = [newId(), newId()];
  await queue.append(["apply", roomId, [roomChange(1, { userId })]]);
  const send = (text: string): SendOp => ["send", roomId, userId, newId(), text, 0];
  return { database, queue, announced, roomId, userId, send };
}

test("batches what comes while others are committed, and answers in order", async () => {
  const sizes: number[] = [];
  const { queue, announced, send } = await setUp((call) => (name, ...args) => {
    sizes.push((args[0] as unknown[]).length);
    return call(name, ...args);
  });
  const answered: number[] = [];
  for (let i = 0; i < 1000; i++) {
    queue.push(send(`m${i}`), (outcome) => answered.push((outcome as OpResult)[1] as number));
  }
  await queue.idle();
  expect(answered).toEqual(Array.from({ length: 1000 }, (_, i) => i + 2));
  expect(sizes.length).toBeLessThan(15);
  const told = announced.filter(({ topic }) => topic === timelineTopic);
  const seqs = told.flatMap(({ records }) => records.map(({ number }) => number));
  expect(seqs).toEqual(Array.from({ length: 1001 }, (_, i) => i + 1));
  expect(announced.every(({ ids }) => ids.length === 1)).toBe(true);
});

test("two batches are under way, up to four when they are full, and none is begun while one is done again", async () => {
  const sizes: number[] = [];
  let gate = { promise: Promise.resolve(), resolve: () => {} };
  const close = () => {
    gate = Promise.withResolvers<void>();
  };
  let isBroken = false;
  const { queue, send } = await setUp((call) => async (name, ...args) => {
    const { length } = args[0] as unknown[];
    sizes.push(length);
    await gate.promise;
    if (isBroken && length > 1) throw new Error("one of them");
    return call(name, ...args);
  });
  const push = (count: number) => {
    for (let i = 0; i < count; i++) queue.push(send(`${i}`), () => {});
  };
  /** The batches that have begun since it was asked before. */
  const begun = async () => {
    await new Promise(setImmediate);
    return sizes.splice(0);
  };
  await begun();
  close();
  push(300);
  expect(await begun()).toEqual([150, 150]);
  push(3 * 512);
  expect(await begun()).toEqual([512, 512]);
  gate.resolve();
  await queue.idle();
  await begun();

  isBroken = true;
  close();
  push(2);
  expect(await begun()).toEqual([2]);
  gate.resolve();
  close();
  await expect.poll(() => sizes.length).toBe(1);
  push(1);
  expect(await begun(), "the first of the two, alone").toEqual([1]);
  gate.resolve();
  await queue.idle();
  expect(await begun(), "the other one, and then what came since").toEqual([1, 1]);
});

test("an op that breaks its batch is refused alone, and the others are done in order", async () => {
  const { queue, database, roomId, send } = await setUp();
  const broken = queue.append(["apply", roomId, [roomChange(2, { userId: "not an id" })]]);
  const outcomes = Promise.allSettled([
    queue.append(send("a")),
    broken,
    queue.append(send("b")),
    queue.append(["apply", newId(), [roomChange(1, { userId: newId(), kind: 99 })]]),
    queue.append(send("c")),
  ]);
  expect((await outcomes).map(({ status }) => status)).toEqual([
    "fulfilled",
    "rejected",
    "fulfilled",
    "rejected",
    "fulfilled",
  ]);
  const { rows } = await database.read("readTimeline", roomId, 0, 10);
  expect(rows.map(([seq, , , , text]) => [seq, text]).slice(1)).toEqual([
    [2, "a"],
    [3, "b"],
    [4, "c"],
  ]);
});

test("what waits for a caller who is gone is not written", async () => {
  const { queue, database, roomId, send } = await setUp();
  const gone: { failure: Error | undefined } = { failure: undefined };
  const kept = queue.append(send("a"));
  const given = forCaller(gone, () => queue.append(send("b")));
  const after = queue.append(send("c"));
  gone.failure = new CancelledError();
  await expect(given).rejects.toBe(gone.failure);
  await Promise.all([kept, after]);
  await queue.idle();
  const { rows } = await database.read("readTimeline", roomId, 0, 10);
  expect(rows.map(([, , , , text]) => text).slice(1)).toEqual(["a", "c"]);
});

test("while the database is unavailable all are told so, and it goes on when it is back", async () => {
  let full = false;
  const { queue, send } = await setUp((call) => (name, ...args) => {
    if (full) return Promise.reject(new UnavailableError());
    return call(name, ...args);
  });
  full = true;
  const refused = await Promise.allSettled(Array.from({ length: 10 }, () => queue.append(send("text"))));
  expect(refused.every((each) => each.status === "rejected" && each.reason instanceof UnavailableError)).toBe(
    true,
  );
  full = false;
  expect((await queue.append(send("text"))).slice(0, 2)).toEqual(["done", 2]);
});
