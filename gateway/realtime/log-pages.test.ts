import { expect, test } from "vitest";
import { createLogPages, pageSize } from "./log-pages.ts";
import type { NumberedFrame } from "./server-frame.ts";

function createLog(head: number, capacity = 10) {
  const log = { head, reads: [] as string[], fail: false };
  const pages = createLogPages({
    capacity: capacity * pageSize,
    async read(roomId, after, limit) {
      log.reads.push(`${roomId} ${after}`);
      if (log.fail) throw new Error("unavailable");
      const frames: NumberedFrame[] = [];
      for (let seq = after + 1; seq <= Math.min(log.head, after + limit); seq++) {
        frames.push({ seq, weight: 1, deliveries: 1, bytes: () => Buffer.alloc(0), items: () => [] });
      }
      return frames;
    },
  });
  const range = async (roomId: string, after: number) => {
    const frames = await pages.read(roomId, after);
    return [frames[0]?.seq, frames.at(-1)?.seq];
  };
  return { log, pages, range };
}

test("pages begin at multiples: a cursor at the end of one reads the next", async () => {
  const { range } = createLog(3 * pageSize);
  expect(await range("a", 0)).toEqual([1, pageSize]);
  expect(await range("a", pageSize - 1)).toEqual([1, pageSize]);
  expect(await range("a", pageSize)).toEqual([pageSize + 1, 2 * pageSize]);
  expect(await range("a", 3 * pageSize)).toEqual([undefined, undefined]);
});

test("who asks at the same time shares a read, and full pages are kept", async () => {
  const { log, range } = createLog(pageSize);
  await Promise.all([range("a", 3), range("a", 40), range("b", 0)]);
  await range("a", 99);
  expect(log.reads).toEqual(["a 0", "b 0"]);
});

test("a page that isn't full is not kept", async () => {
  const { log, range } = createLog(20);
  expect(await range("a", 0)).toEqual([1, 20]);
  log.head = 30;
  expect(await range("a", 20)).toEqual([1, 30]);
});

test("a failed read is not kept", async () => {
  const { log, range } = createLog(pageSize);
  log.fail = true;
  await expect(range("a", 0)).rejects.toThrow("unavailable");
  log.fail = false;
  expect(await range("a", 0)).toEqual([1, pageSize]);
});

test("what is forgotten is read again, also what was being read", async () => {
  const { log, pages, range } = createLog(2 * pageSize);
  await range("a", 0);
  const reading = range("a", pageSize);
  pages.forget("a");
  await reading;
  await Promise.all([range("a", 0), range("a", pageSize)]);
  expect(log.reads).toHaveLength(4);
});

test("keeps no more than its capacity, the oldest rooms go", async () => {
  const { log, range } = createLog(pageSize, 2);
  for (const room of ["a", "b", "c"]) await range(room, 0);
  await range("c", 0);
  await range("b", 0);
  await range("a", 0);
  expect(log.reads).toEqual(["a 0", "b 0", "c 0", "a 0"]);
});
