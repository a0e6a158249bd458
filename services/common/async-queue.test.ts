import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { createAsyncQueue } from "./async-queue.ts";

describe("async queue", () => {
  test("gives items in order, those pushed before and those pushed while the consumer waits", async () => {
    const queue = createAsyncQueue<number>(10);
    queue.push(1);
    const seen: number[] = [];
    const consumer = (async () => {
      for await (const item of queue) {
        seen.push(item);
        if (item === 1) queueMicrotask(() => queue.push(2));
        if (item === 2) queue.end();
      }
    })();
    await consumer;
    expect(seen).toEqual([1, 2]);
    expect(queue.push(3)).toBe(false);
  });

  test("refuses what is over the limit and takes again once there is room", async () => {
    const queue = createAsyncQueue<number>(2);
    expect([queue.push(1), queue.push(2), queue.push(3)]).toEqual([true, true, false]);
    const iterator = queue[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toBe(1);
    expect(queue.push(4)).toBe(true);
    expect(queue.size).toBe(2);
  });

  test("end lets the consumer finish what is queued, fail does not", async () => {
    const ended = createAsyncQueue<number>(2);
    ended.push(1);
    ended.end();
    expect(await Array.fromAsync(ended)).toEqual([1]);

    const failed = createAsyncQueue<number>(2);
    failed.push(1);
    failed.fail(new Error("cut"));
    await expect(Array.fromAsync(failed)).rejects.toThrow("cut");
  });

  test("a consumer that leaves ends the queue", async () => {
    const queue = createAsyncQueue<number>(2);
    queue.push(1);
    for await (const _ of queue) break;
    expect(queue.ended).toBe(true);
    expect(queue.push(2)).toBe(false);
  });

  test("lets go of what was taken, though something always waits", async () => {
    setFlagsFromString("--expose-gc");
    const collect: () => void = runInNewContext("gc");
    const queue = createAsyncQueue<{ number: number }>(10_000);
    const iterator = queue[Symbol.asyncIterator]();
    const refs: WeakRef<object>[] = [];
    const push = (number: number) => {
      const item = { number };
      refs.push(new WeakRef(item));
      queue.push(item);
    };
    for (let number = 0; number < 10; number++) push(number);
    for (let number = 0; number < 2_000; number++) {
      push(number + 10);
      expect((await iterator.next()).value.number).toBe(number);
    }
    // A WeakRef holds on until the turn ends.
    await setImmediate();
    collect();
    const held = refs.slice(0, 2_000).filter((ref) => ref.deref() !== undefined).length;
    expect(held).toBeLessThan(300);
    expect(queue.size).toBe(10);
  });
});
