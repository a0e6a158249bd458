import { describe, expect, onTestFinished, test, vi } from "vitest";
import { newId } from "../ids.ts";
import { createLogger } from "../logger.ts";
import { createEmbeddedEventLog } from "./embedded.ts";
import { DeliveryStoppedError } from "./event-log.ts";
import { describeEventLog, type TimelineRecord, timelineRecords } from "./test-event-log.ts";
import { feedTopic, timelineTopic } from "./topics.ts";

const room = newId();

function setUp({ running = true } = {}) {
  const lines: string[] = [];
  const logger = createLogger({
    level: "error",
    pretty: false,
    destination: { write: (line: string) => void lines.push(line) },
  });
  const log = createEmbeddedEventLog({ logger, retry: { firstMs: 1, capMs: 2, attempts: 3 } });
  const stop = new AbortController();
  const run = () => log.run(stop.signal);
  if (running) void run();
  onTestFinished(() => log.close());
  return { log, run, stop, errors: () => lines.map((line) => JSON.parse(line)) };
}

/** A handler that waits, batch by batch, until it is told to go on. */
function gatedHandler() {
  const batches: TimelineRecord[][] = [];
  const gates: (() => void)[] = [];
  return {
    batches,
    release: () => gates.shift()?.(),
    handler: (batch: readonly TimelineRecord[]) => {
      batches.push([...batch]);
      return new Promise<void>((resolve) => gates.push(resolve));
    },
  };
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol();
  // Everything that is ready to run has run by then.
  await new Promise((resolve) => setImmediate(resolve));
  return (await Promise.race([promise, Promise.resolve(pending)])) === pending;
}

describeEventLog("embedded", async () => {
  const { log, run, errors } = setUp({ running: false });
  return { log, start: async () => void run(), deadLetters: errors };
});

describe("embedded alone: delivery", () => {
  test("hands over the very objects, and resolves when every group has handled them", async () => {
    const { log } = setUp();
    const gated = gatedHandler();
    const seen: TimelineRecord[] = [];
    log.subscribe(timelineTopic, "slow", gated.handler);
    log.subscribe(timelineTopic, "fast", (batch) => void seen.push(...batch));
    const published = timelineRecords(room, 1, 3);
    const publishing = log.publish(timelineTopic, published);
    expect(await isPending(publishing)).toBe(true);
    expect(seen).toHaveLength(3);
    expect(seen[0]).toBe(published[0]);
    gated.release();
    await publishing;
  });

  test("gathers what is published while the handler is busy into the next batch", async () => {
    const { log } = setUp();
    const gated = gatedHandler();
    log.subscribe(timelineTopic, "group", gated.handler);
    const publishings = [log.publish(timelineTopic, timelineRecords(room, 1))];
    await vi.waitFor(() => expect(gated.batches).toHaveLength(1));
    for (let number = 2; number <= 10; number++)
      publishings.push(log.publish(timelineTopic, timelineRecords(room, number)));
    gated.release();
    await vi.waitFor(() => expect(gated.batches).toHaveLength(2));
    gated.release();
    await Promise.all(publishings);
    expect(gated.batches.map((batch) => batch.map(({ number }) => number))).toEqual([
      [1],
      [2, 3, 4, 5, 6, 7, 8, 9, 10],
    ]);
  });

  test("resolves at once where nobody has subscribed, and keeps topics apart", async () => {
    const { log } = setUp();
    log.subscribe(feedTopic, "group", () => {
      throw new Error("not this topic");
    });
    await log.publish(timelineTopic, timelineRecords(room, 1));
  });

  test("delivers nothing before run, and then to those who subscribed in the meantime, in order", async () => {
    const { log, run } = setUp({ running: false });
    const first = log.publish(timelineTopic, timelineRecords(room, 1));
    const seen: unknown[] = [];
    log.subscribe(timelineTopic, "late", (batch) => void seen.push(...batch.map(({ number }) => number)));
    expect(await isPending(first)).toBe(true);
    void run();
    await Promise.all([first, log.publish(timelineTopic, timelineRecords(room, 2))]);
    expect(seen).toEqual([1, 2]);
  });
});

describe("embedded alone: stopping", () => {
  test("ends the handler under way by its signal and rejects what is not handled", async () => {
    const { log, stop } = setUp();
    let aborted = false;
    log.subscribe(timelineTopic, "group", async (_, signal) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      aborted = true;
      throw signal.reason;
    });
    const results = Promise.allSettled(
      [1, 2].map((number) => log.publish(timelineTopic, timelineRecords(room, number))),
    );
    await new Promise((resolve) => setImmediate(resolve));
    const later = log.publish(timelineTopic, timelineRecords(room, 3)).catch((error: unknown) => error);
    stop.abort();
    await log.close();
    expect(aborted).toBe(true);
    expect((await results).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await later).toBeInstanceOf(DeliveryStoppedError);
    await expect(log.publish(timelineTopic, timelineRecords(room, 4))).rejects.toThrow(DeliveryStoppedError);
  });

  test("waits for the handler under way; what it finished in spite of the stop is handled", async () => {
    const { log } = setUp();
    const gated = gatedHandler();
    log.subscribe(timelineTopic, "group", gated.handler);
    const publishing = log.publish(timelineTopic, timelineRecords(room, 1));
    await vi.waitFor(() => expect(gated.batches).toHaveLength(1));
    const closing = log.close();
    expect(await isPending(closing)).toBe(true);
    gated.release();
    await Promise.all([publishing, closing]);
  });

  test("a closed subscription is not passed by: publishing rejects until the group is back", async () => {
    const { log } = setUp();
    const subscription = log.subscribe(timelineTopic, "group", () => {});
    await subscription.close();
    await expect(log.publish(timelineTopic, timelineRecords(room, 1))).rejects.toThrow(DeliveryStoppedError);
    const seen: unknown[] = [];
    log.subscribe(timelineTopic, "group", (batch) => void seen.push(...batch));
    await log.publish(timelineTopic, timelineRecords(room, 1));
    expect(seen).toHaveLength(1);
  });

  test("rejects what was published before run when it never runs", async () => {
    const { log } = setUp({ running: false });
    const publishing = log.publish(timelineTopic, timelineRecords(room, 1));
    void log.close();
    await expect(publishing).rejects.toThrow(DeliveryStoppedError);
  });
});
