import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { newId } from "../ids.ts";
import { createGroupQueue } from "./group-queue.ts";
import { timelineRecords } from "./test-event-log.ts";

test.each([
  ["now", [1, 2]],
  ["next turn", [3]],
] as const)("a batch begins %s: publications of one turn make batches of %j", async (begins, expected) => {
  const sizes: number[] = [];
  const queue = createGroupQueue(async (records) => void sizes.push(records.length), { begins });
  const room = newId();
  const first = queue.push(timelineRecords(room, 1));
  // As what reads a fetch goes from one partition's batch to the next: later, and in the same turn.
  for (let step = 0; step < 10; step++) await undefined;
  const second = queue.push(timelineRecords(room, 2, 3));
  await nextTurn();
  await Promise.all([first, second]);
  expect(sizes).toEqual(expected);
});

test("what waits for the next turn is rejected when the queue stops", async () => {
  const sizes: number[] = [];
  const queue = createGroupQueue(async (records) => void sizes.push(records.length), { begins: "next turn" });
  const pushed = queue.push(timelineRecords(newId(), 1));
  const stopped = queue.stop();
  await expect(pushed).rejects.toThrow("stopped");
  await stopped;
  expect(sizes).toEqual([]);
});
