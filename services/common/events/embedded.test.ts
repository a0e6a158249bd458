import { create } from "@bufbuild/protobuf";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { type TimelineEvent, TimelineEventSchema } from "#gen/parley/message/v1/timeline_pb.js";
import { UnavailableError } from "../errors.ts";
import { newId } from "../ids.ts";
import { createLogger } from "../logger.ts";
import { createEmbeddedEventLog } from "./embedded.ts";
import { DeliveryStoppedError, type EventRecord, UnprocessableRecordError } from "./event-log.ts";
import { feedTopic, timelineTopic } from "./topics.ts";

type TimelineRecord = EventRecord<TimelineEvent>;

const room = newId();

function records(key: string, first: number, last = first): TimelineRecord[] {
  return Array.from({ length: last - first + 1 }, (_, index) => ({
    key,
    number: first + index,
    message: create(TimelineEventSchema, { roomId: key, seq: BigInt(first + index) }),
  }));
}

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

describe("delivery", () => {
  test("hands over the very objects, and resolves when every group has handled them", async () => {
    const { log } = setUp();
    const gated = gatedHandler();
    const seen: TimelineRecord[] = [];
    log.subscribe(timelineTopic, "slow", gated.handler);
    log.subscribe(timelineTopic, "fast", (batch) => void seen.push(...batch));
    const published = records(room, 1, 3);
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
    const publishings = [log.publish(timelineTopic, records(room, 1))];
    await vi.waitFor(() => expect(gated.batches).toHaveLength(1));
    for (let number = 2; number <= 10; number++)
      publishings.push(log.publish(timelineTopic, records(room, number)));
    gated.release();
    await vi.waitFor(() => expect(gated.batches).toHaveLength(2));
    gated.release();
    await Promise.all(publishings);
    expect(gated.batches.map((batch) => batch.map(({ number }) => number))).toEqual([
      [1],
      [2, 3, 4, 5, 6, 7, 8, 9, 10],
    ]);
  });

  test("keeps the order of every key when many publish at once and handlers fail now and then", async () => {
    const { log } = setUp();
    const keys = Array.from({ length: 5 }, () => newId());
    const handled = new Map<string, number>();
    const skipped: unknown[] = [];
    let calls = 0;
    log.subscribe(timelineTopic, "group", async (batch) => {
      await new Promise((resolve) => setImmediate(resolve));
      for (const { key, number } of batch) {
        const last = handled.get(key) ?? 0;
        // A batch that comes again begins with what was seen.
        if (Number(number) > last + 1) skipped.push({ key, number, last });
        handled.set(key, Math.max(last, Number(number)));
      }
      if (++calls % 3 === 0) throw new UnavailableError();
    });
    const publishings: Promise<void>[] = [];
    for (let number = 1; number <= 200; number++) {
      publishings.push(
        log.publish(
          timelineTopic,
          keys.map((key) => records(key, number)[0]!),
        ),
      );
      if (number % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(publishings);
    expect(skipped).toEqual([]);
    expect([...handled.values()]).toEqual([200, 200, 200, 200, 200]);
  });

  test("resolves at once where nobody has subscribed, and keeps topics apart", async () => {
    const { log } = setUp();
    log.subscribe(feedTopic, "group", () => {
      throw new Error("not this topic");
    });
    await log.publish(timelineTopic, records(room, 1));
  });

  test("delivers nothing before run, and then to those who subscribed in the meantime, in order", async () => {
    const { log, run } = setUp({ running: false });
    const first = log.publish(timelineTopic, records(room, 1));
    const seen: unknown[] = [];
    log.subscribe(timelineTopic, "late", (batch) => void seen.push(...batch.map(({ number }) => number)));
    expect(await isPending(first)).toBe(true);
    void run();
    await Promise.all([first, log.publish(timelineTopic, records(room, 2))]);
    expect(seen).toEqual([1, 2]);
  });

  test("refuses a second handler for the same topic and group", () => {
    const { log } = setUp();
    log.subscribe(timelineTopic, "group", () => {});
    expect(() => log.subscribe(timelineTopic, "group", () => {})).toThrow("already");
  });
});

describe("failures", () => {
  test("a group that fails gets its batch again, and no other group does", async () => {
    const { log } = setUp();
    const failing: number[] = [];
    const other: number[] = [];
    log.subscribe(timelineTopic, "failing", (batch) => {
      failing.push(batch.length);
      if (failing.length < 3) throw new Error("not yet");
    });
    log.subscribe(timelineTopic, "other", (batch) => void other.push(batch.length));
    await log.publish(timelineTopic, records(room, 1, 4));
    expect(failing).toEqual([4, 4, 4]);
    expect(other).toEqual([4]);
  });

  test("records that the handler refuses become dead letters, with the reason; the rest goes on", async () => {
    const { log, errors } = setUp();
    const handled: unknown[] = [];
    log.subscribe(timelineTopic, "group", (batch) => {
      const refused = batch.filter(({ number }) => number === 2 || number === 3);
      if (refused.length > 0) throw new UnprocessableRecordError(refused, "of no known kind");
      handled.push(...batch.map(({ number }) => number));
    });
    await log.publish(timelineTopic, records(room, 1, 5));
    expect(handled).toEqual([1, 4, 5]);
    expect(errors()).toMatchObject([
      { msg: "dead letter", topic: "parley.timeline.v1", group: "group", key: room, number: 2 },
      { msg: "dead letter", number: 3, err: { message: "of no known kind" } },
    ]);
  });

  test("a record on which the handler breaks is singled out and given up; the rest is handled", async () => {
    const { log, errors } = setUp();
    const handled = new Set<unknown>();
    log.subscribe(timelineTopic, "group", (batch) => {
      for (const { number } of batch) {
        if (number === 3) throw new TypeError("broken");
        handled.add(number);
      }
    });
    await log.publish(timelineTopic, records(room, 1, 5));
    expect([...handled]).toEqual([1, 2, 4, 5]);
    expect(errors()).toMatchObject([{ msg: "dead letter", number: 3, err: { message: "broken" } }]);
  });

  test("nothing is given up because something else is down", async () => {
    const { log, errors } = setUp();
    let calls = 0;
    log.subscribe(timelineTopic, "group", () => {
      if (++calls <= 20) throw new UnavailableError();
    });
    await log.publish(timelineTopic, records(room, 1));
    expect(calls).toBe(21);
    expect(errors()).toEqual([]);
  });

  test("naming a record that isn't in the batch is a failure like any other", async () => {
    const { log, errors } = setUp();
    const [stranger] = records(room, 9);
    log.subscribe(timelineTopic, "group", () => {
      throw new UnprocessableRecordError(stranger!, "unknown");
    });
    await log.publish(timelineTopic, records(room, 1));
    expect(errors()).toMatchObject([{ msg: "dead letter", number: 1 }]);
  });
});

describe("stopping", () => {
  test("ends the handler under way by its signal and rejects what is not handled", async () => {
    const { log, stop } = setUp();
    let aborted = false;
    log.subscribe(timelineTopic, "group", async (_, signal) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      aborted = true;
      throw signal.reason;
    });
    const results = Promise.allSettled(
      [1, 2].map((number) => log.publish(timelineTopic, records(room, number))),
    );
    await new Promise((resolve) => setImmediate(resolve));
    const later = log.publish(timelineTopic, records(room, 3)).catch((error: unknown) => error);
    stop.abort();
    await log.close();
    expect(aborted).toBe(true);
    expect((await results).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await later).toBeInstanceOf(DeliveryStoppedError);
    await expect(log.publish(timelineTopic, records(room, 4))).rejects.toThrow(DeliveryStoppedError);
  });

  test("waits for the handler under way; what it finished in spite of the stop is handled", async () => {
    const { log } = setUp();
    const gated = gatedHandler();
    log.subscribe(timelineTopic, "group", gated.handler);
    const publishing = log.publish(timelineTopic, records(room, 1));
    await vi.waitFor(() => expect(gated.batches).toHaveLength(1));
    const closing = log.close();
    expect(await isPending(closing)).toBe(true);
    gated.release();
    await Promise.all([publishing, closing]);
  });

  test("interrupts the pause between attempts", async () => {
    const { log } = setUp();
    const broken = vi.fn(() => {
      throw new UnavailableError();
    });
    log.subscribe(timelineTopic, "group", broken);
    const publishing = log.publish(timelineTopic, records(room, 1)).catch((error: unknown) => error);
    await vi.waitFor(() => expect(broken).toHaveBeenCalled());
    await log.close();
    expect(await publishing).toBeInstanceOf(DeliveryStoppedError);
  });

  test("a closed subscription is not passed by: publishing rejects until the group is back", async () => {
    const { log } = setUp();
    const subscription = log.subscribe(timelineTopic, "group", () => {});
    await subscription.close();
    await expect(log.publish(timelineTopic, records(room, 1))).rejects.toThrow(DeliveryStoppedError);
    const seen: unknown[] = [];
    log.subscribe(timelineTopic, "group", (batch) => void seen.push(...batch));
    await log.publish(timelineTopic, records(room, 1));
    expect(seen).toHaveLength(1);
  });

  test("rejects what was published before run when it never runs", async () => {
    const { log } = setUp({ running: false });
    const publishing = log.publish(timelineTopic, records(room, 1));
    void log.close();
    await expect(publishing).rejects.toThrow(DeliveryStoppedError);
  });
});
