import { expect, onTestFinished, test, vi } from "vitest";
import { newId } from "../common/ids.ts";
import { createBackgroundWork } from "./background.ts";
import { openTestDatabase, roomChange } from "./test-database.ts";
import { logger } from "./test-message.ts";
import { createTimelineQueue, type MessageDatabase } from "./timeline-queue.ts";

test("who has nothing to do looks rarely, for what others left, and often after a write", async () => {
  const now = performance.now.bind(performance);
  let skippedMs = 0;
  const time = vi.spyOn(performance, "now").mockImplementation(() => now() + skippedMs);
  onTestFinished(() => time.mockRestore());
  const database = await openTestDatabase();
  const calls = { append: 0, erase: 0, pruneFeeds: 0 };
  const call: MessageDatabase["call"] = (name, ...args) => {
    calls[name] += 1;
    return database.call(name, ...args);
  };
  const outbox = { committed: () => {}, takePublished: () => [] };
  const queue = createTimelineQueue({ database: { call }, outbox, logger });
  const config = { feedIntervalMs: 5, eraseIntervalMs: 5, pruneIntervalMs: 5, feedLifetimeMs: 1000 };
  const work = createBackgroundWork({ database: { call }, queue, config, clock: Date.now });
  const stop = new AbortController();
  const running = work.map(({ run }) => run(stop.signal));
  onTestFinished(async () => {
    stop.abort();
    await Promise.all(running);
  });
  const patience = { timeout: 20_000 };
  // It goes by the same interval, and is always done.
  await expect.poll(() => calls.pruneFeeds, patience).toBeGreaterThan(40);
  expect(Math.max(calls.append, calls.erase)).toBeLessThan(10);
  const before = { ...calls };
  skippedMs += 10_000;
  await expect.poll(() => calls.append, patience).toBeGreaterThanOrEqual(before.append + 2);
  await expect.poll(() => calls.erase, patience).toBeGreaterThan(before.erase);
  await queue.append(["apply", newId(), [roomChange(1, { userId: newId() })]]);
  await expect.poll(() => Math.min(calls.append, calls.erase), patience).toBeGreaterThan(20);
}, 60_000);
