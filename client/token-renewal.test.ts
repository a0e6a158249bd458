import { expect, test, vi } from "vitest";
import type { SessionKeeper } from "./session.ts";
import { useTestClock } from "./test-clock.ts";
import { renewInTime } from "./token-renewal.ts";

useTestClock();

const lifeMs = 840_000;

/** A session whose token is to be replaced after a while, again and again. */
function setUp() {
  const server = { isDown: false };
  let renewAt = Date.now() + lifeMs;
  const asked: number[] = [];
  const beginning = Date.now();
  const session = {
    tokens: { get: () => ({ renewAt }) },
    async accessToken() {
      asked.push((Date.now() - beginning) / 1000);
      if (server.isDown) throw new TypeError("fetch failed");
      if (Date.now() >= renewAt) renewAt = Date.now() + lifeMs;
      return "token";
    },
  } as unknown as SessionKeeper;
  const over = new AbortController();
  renewInTime(session, over.signal);
  const replacedElsewhere = () => {
    renewAt = Date.now() + lifeMs;
  };
  return { server, asked, over, replacedElsewhere };
}

test("a token is replaced as soon as it is time, and so are those that follow", async () => {
  const { asked } = setUp();
  await vi.advanceTimersByTimeAsync(3 * lifeMs);
  expect(asked).toEqual([841, 1_682]);
});

test("what failed is tried again, at longer and longer intervals", async () => {
  vi.spyOn(Math, "random").mockReturnValue(1);
  const { asked, server } = setUp();
  server.isDown = true;
  await vi.advanceTimersByTimeAsync(lifeMs + 8_000);
  expect(asked).toEqual([841, 842.5, 844.5, 847.5]);
  server.isDown = false;
  await vi.advanceTimersByTimeAsync(5_000);
  expect(asked.slice(4)).toEqual([852.5]);
  server.isDown = true;
  await vi.advanceTimersByTimeAsync(lifeMs + 2_500);
  expect(asked.slice(5)).toEqual([1_693.5, 1_695]);
});

test("one that was replaced by another tab lives its whole life", async () => {
  const { asked, replacedElsewhere } = setUp();
  await vi.advanceTimersByTimeAsync(lifeMs / 2);
  replacedElsewhere();
  await vi.advanceTimersByTimeAsync(lifeMs + 2_000);
  // At its own time nothing had to be done for it.
  expect(asked).toEqual([841, 1_261]);
});

test("with the connection it ends, also while a token is asked for", async () => {
  const { asked, over } = setUp();
  over.abort();
  await vi.advanceTimersByTimeAsync(2 * lifeMs);
  expect(asked).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
  const other = setUp();
  vi.advanceTimersByTime(lifeMs + 1_000);
  expect(other.asked).toEqual([841]);
  other.over.abort();
  await vi.advanceTimersByTimeAsync(2 * lifeMs);
  expect(other.asked).toEqual([841]);
  expect(vi.getTimerCount()).toBe(0);
});
