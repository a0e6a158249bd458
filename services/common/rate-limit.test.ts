import { describe, expect, test } from "vitest";
import { createRateLimiter } from "./rate-limit.ts";

function clock() {
  let time = 1_000_000.25;
  return {
    now: () => time,
    pass(ms: number) {
      time += ms;
    },
  };
}

describe("a limit of 20/s", () => {
  const rate = { count: 20, perMs: 1000 };

  test("admits 20 at once, then says how long to wait", () => {
    const limiter = createRateLimiter(rate, clock());
    for (let taken = 0; taken < 20; taken++) expect(limiter.take("ada")).toBe(0);
    expect(limiter.take("ada")).toBe(50);
  });

  test("admits one after the wait it named, and no second one", () => {
    const time = clock();
    const limiter = createRateLimiter(rate, time);
    limiter.take("ada", 20);
    time.pass(limiter.take("ada") - 1);
    expect(limiter.take("ada")).toBe(1);
    time.pass(1);
    expect(limiter.take("ada")).toBe(0);
    expect(limiter.take("ada")).toBe(50);
  });

  test("refuses without a cost", () => {
    const time = clock();
    const limiter = createRateLimiter(rate, time);
    limiter.take("ada", 20);
    for (let tries = 0; tries < 100; tries++) limiter.take("ada");
    time.pass(1000);
    expect(limiter.take("ada", 20)).toBe(0);
  });

  test("admits 20 a second in the long run", () => {
    const time = clock();
    const limiter = createRateLimiter(rate, time);
    let admitted = 0;
    for (let ms = 0; ms < 10_000; ms += 7) {
      if (limiter.take("ada") === 0) admitted += 1;
      time.pass(7);
    }
    expect(admitted).toBeGreaterThanOrEqual(218);
    expect(admitted).toBeLessThanOrEqual(220);
  });

  test("counts each key by itself", () => {
    const limiter = createRateLimiter(rate, clock());
    limiter.take("ada", 20);
    expect(limiter.take("bob")).toBe(0);
  });

  test("takes more than the bucket holds as all of it", () => {
    const limiter = createRateLimiter(rate, clock());
    expect(limiter.take("ada", 500)).toBe(0);
    expect(limiter.take("ada")).toBe(50);
  });

  test("remembers across its generations", () => {
    const time = clock();
    const limiter = createRateLimiter(rate, time);
    time.pass(999);
    limiter.take("ada", 20);
    time.pass(100);
    limiter.take("bob");
    expect(limiter.take("ada", 20)).toBe(900);
    time.pass(900);
    expect(limiter.take("ada", 20)).toBe(0);
  });
});

test("too many keys are forgotten, never refused", () => {
  const limiter = createRateLimiter({ count: 1, perMs: 60_000 }, { ...clock(), maxKeys: 10 });
  for (let key = 0; key < 1000; key++) expect(limiter.take(`address ${key}`)).toBe(0);
  expect(limiter.take("address 999")).toBe(60_000);
  expect(limiter.take("address 0")).toBe(0);
});

test("without a rate everything is admitted", () => {
  const limiter = createRateLimiter(undefined);
  for (let taken = 0; taken < 1000; taken++) expect(limiter.take("ada", 1000)).toBe(0);
});
