import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { AuthService } from "#gen/parley/auth/v1/auth_service_pb.js";
import { MessageService } from "#gen/parley/message/v1/message_service_pb.js";
import { type Admission, createAdmission, workOf } from "./admission.ts";

let admission: Admission;

beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "performance"] }));
afterEach(() => {
  admission.close();
  vi.useRealTimers();
});

function start(options: { maxInFlight?: number; connections?: number } = {}): void {
  const { maxInFlight = 10_000, connections = 1 } = options;
  admission = createAdmission({
    targetMs: 250,
    maxInFlight,
    connections: () => connections,
    now: () => performance.now(),
    random: () => 0.5,
  });
}

const begin = (count: number) => Array.from({ length: count }, () => admission.began());
const end = (writes: readonly number[]) => {
  for (const began of writes) admission.ended(began);
};

/** How many writes are admitted from now on until one is refused. */
function room(): number {
  let count = 0;
  while (!admission.refuses("write") && count < 20_000) {
    admission.began();
    count++;
  }
  return count;
}

describe("by importance", () => {
  test("signals go first, then reads, then writes", () => {
    start({ maxInFlight: 100 });
    const refused = () => (["signal", "read", "write"] as const).filter((work) => admission.refuses(work));
    begin(49);
    expect(refused()).toEqual([]);
    begin(1);
    expect(refused()).toEqual(["signal"]);
    begin(25);
    expect(refused()).toEqual(["signal", "read"]);
    begin(25);
    expect(refused()).toEqual(["signal", "read", "write"]);
  });

  test("when it gets crowded, who has more than a fair share waits", () => {
    start({ maxInFlight: 1000, connections: 10 });
    begin(10);
    vi.advanceTimersByTime(200);
    expect(admission.refuses("write", 500)).toBe(false);
    begin(750);
    expect(admission.refuses("write", 101)).toBe(true);
    expect(admission.refuses("write", 99)).toBe(false);
  });

  test("calls are what their contract says; those of Auth are never refused here", () => {
    start();
    expect(workOf(MessageService.method.sendMessage)).toBe("write");
    expect(workOf(MessageService.method.listMessages)).toBe("read");
    for (const method of AuthService.methods) expect(workOf(method)).toBeUndefined();
  });
});

describe("the bound on writes in flight", () => {
  /** Rounds of 200 ms in which `perRound` writes are answered after `waitMs`, as many as the bound lets be under way. */
  function run(rounds: number, perRound: number, waitMs: number): void {
    for (let i = 0; i < rounds; i++) {
      const writes = begin(perRound);
      vi.advanceTimersByTime(waitMs);
      end(writes);
      vi.advanceTimersByTime(Math.max(0, 200 - waitMs));
    }
  }

  test("a burst that is worked off in time changes nothing", () => {
    start();
    run(10, 1600, 150);
    expect(room()).toBeGreaterThanOrEqual(5000);
  });

  test("a queue that stays shrinks it to what is done within the target", () => {
    start();
    run(10, 4000, 1000);
    expect(room()).toBeLessThan(1000);
  });

  test("never below what the database needs to be busy", () => {
    start();
    run(20, 300, 20_000);
    expect(room()).toBe(200);
  });

  test("a database that is slow, but within the target, doesn't keep it small after a stall", () => {
    start();
    run(10, 300, 5000);
    // There is always something in flight, and never a refusal too few.
    let earlier = begin(1);
    for (let i = 0; i < 400; i++) {
      const writes = begin(100);
      while (!admission.refuses("write")) writes.push(admission.began());
      admission.refused("write");
      vi.advanceTimersByTime(20);
      end(earlier);
      vi.advanceTimersByTime(180);
      earlier = writes;
    }
    end(earlier);
    expect(room()).toBeGreaterThan(2000);
  });

  test("it grows again when there is no queue, and no further than it may", () => {
    start({ maxInFlight: 6000 });
    run(5, 1000, 5000);
    for (let i = 0; i < 60; i++) {
      const writes = begin(200);
      while (!admission.refuses("write")) writes.push(admission.began());
      admission.refused("write");
      vi.advanceTimersByTime(100);
      end(writes);
      vi.advanceTimersByTime(100);
    }
    expect(room()).toBe(6000);
  });
});

/** With a clock that is as much ahead of the timers' as the test says: so late are they. */
function startLate(): { late: number } {
  const clock = { late: 0 };
  admission = createAdmission({
    targetMs: 250,
    maxInFlight: 1000,
    connections: () => 1,
    now: () => performance.now() + clock.late,
  });
  return clock;
}

test("while refusing alone makes the loop late, fewer writes are accepted", () => {
  const clock = startLate();
  const refuseFor = (ticks: number, lateBy: number) => {
    for (let i = 0; i < ticks; i++) {
      admission.refused("write");
      clock.late += lateBy;
      vi.advanceTimersByTime(20);
    }
  };
  /** As `room`, and all are answered at once. */
  const roomNow = () => {
    const began = performance.now() + clock.late;
    const count = room();
    end(new Array(count).fill(began));
    return count;
  };
  refuseFor(40, 200);
  const shrunk = roomNow();
  expect(shrunk).toBeLessThan(700);
  refuseFor(100, 0);
  expect(roomNow()).toBeGreaterThan(shrunk);
});

test("a loop that was late once is none that is late", () => {
  let time = 0;
  admission = createAdmission({ targetMs: 250, maxInFlight: 100, connections: () => 1, now: () => time });
  time = 2000;
  vi.advanceTimersByTime(20);
  expect(admission.refuses("signal")).toBe(false);
  time += 20;
  vi.advanceTimersByTime(20);
  expect(admission.refuses("signal")).toBe(false);
});

test("a loop that is late itself refuses everything, and lets it in once it is on time", () => {
  const clock = startLate();
  const beLate = (ticks: number) => {
    for (let i = 0; i < ticks; i++) {
      clock.late += 1100;
      vi.advanceTimersByTime(20);
    }
  };
  beLate(4);
  expect(admission.refuses("signal"), "a few stalls are none").toBe(false);
  beLate(1);
  expect(admission.refuses("write")).toBe(true);
  vi.advanceTimersByTime(1000);
  expect(admission.refuses("signal")).toBe(false);
});

test("the more is refused, the longer is the time to wait, up to half a minute, in steps of 100 ms", () => {
  start({ maxInFlight: 10 });
  expect(admission.refused("write")).toBe(1000);
  for (const [count, wait] of [
    [30, 4000],
    [100_000, 30_000],
  ] as const) {
    const writes = begin(10);
    for (let i = 1; i < count; i++) admission.refused("write");
    end(writes);
    vi.advanceTimersByTime(200);
    expect(admission.refused("write")).toBe(wait);
    vi.advanceTimersByTime(200);
  }
});
