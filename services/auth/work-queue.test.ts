import { expect, test } from "vitest";
import { reasonOf } from "../common/errors.ts";
import { createWorkQueue } from "./work-queue.ts";

/** Work that ends when told to, and notes that it began. */
function work() {
  const done = Promise.withResolvers<void>();
  let begun = false;
  return {
    end: done.resolve,
    fail: done.reject,
    begun: () => begun,
    run: () => {
      begun = true;
      return done.promise;
    },
  };
}

test("so much runs at once, the rest in its order", async () => {
  const queue = createWorkQueue({ concurrency: 2, maxWaiting: 2, refusal: "too much" });
  const [a, b, c, d] = [work(), work(), work(), work()];
  const runs = [a, b, c, d].map((item) => queue.run(item.run));
  expect([a, b, c, d].map((item) => item.begun())).toEqual([true, true, false, false]);
  b.fail(new Error("b"));
  await expect(runs[1]).rejects.toThrow("b");
  await expect.poll(c.begun).toBe(true);
  expect(d.begun()).toBe(false);
  for (const item of [a, c, d]) item.end();
  await Promise.all([runs[0], runs[2], runs[3]]);
});

test("what would wait beyond the bound is refused, until there is room", async () => {
  const queue = createWorkQueue({ concurrency: 1, maxWaiting: 1, refusal: "too much" });
  const [a, b] = [work(), work()];
  const runs = [queue.run(a.run), queue.run(b.run)];
  const refused = await queue.run(work().run).catch((error) => error);
  expect(reasonOf(refused)).toBe("OVERLOADED");
  expect(refused.retryAfterMs).toBeGreaterThan(0);
  a.end();
  b.end();
  await Promise.all(runs);
  expect(await queue.run(async () => "room")).toBe("room");
});

test("whoever leaves the queue makes room and is never served", async () => {
  const queue = createWorkQueue({ concurrency: 1, maxWaiting: 1, refusal: "too much" });
  const [a, b, c] = [work(), work(), work()];
  const leaving = new AbortController();
  const first = queue.run(a.run);
  const left = queue.run(b.run, leaving.signal);
  leaving.abort();
  expect(reasonOf(await left.catch((error) => error))).toBe("CANCELLED");
  const second = queue.run(c.run);
  a.end();
  c.end();
  await Promise.all([first, second]);
  expect(b.begun()).toBe(false);
});
