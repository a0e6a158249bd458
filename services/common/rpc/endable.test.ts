import { expect, test } from "vitest";
import { createEndable } from "./endable.ts";

test("passes items on, and the end, and what is thrown", async () => {
  async function* items() {
    yield 1;
    throw new Error("broken");
  }
  const iterator = createEndable(items())[Symbol.asyncIterator]();
  expect(await iterator.next()).toEqual({ done: false, value: 1 });
  await expect(iterator.next()).rejects.toThrow("broken");
  expect((await iterator.next()).done).toBe(true);
});

test("ends for who waits, and for good", async () => {
  const { promise, resolve } = Promise.withResolvers<number>();
  async function* items() {
    yield await promise;
    yield 2;
  }
  const endable = createEndable(items());
  const iterator = endable[Symbol.asyncIterator]();
  const waiting = iterator.next();
  endable.end();
  expect((await waiting).done).toBe(true);
  resolve(1);
  expect((await iterator.next()).done).toBe(true);
});

test("leaving it leaves its source", async () => {
  let left = false;
  async function* items() {
    try {
      for (;;) yield 1;
    } finally {
      left = true;
    }
  }
  for await (const _ of createEndable(items())) break;
  expect(left).toBe(true);
});
