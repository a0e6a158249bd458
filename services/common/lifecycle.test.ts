import { pino } from "pino";
import { describe, expect, test, vi } from "vitest";
import { createCloseStack, runForever } from "./lifecycle.ts";

const logger = pino({ level: "silent" });

describe("the close stack", () => {
  test("closes in reverse, one after the other", async () => {
    const closed: string[] = [];
    const stack = createCloseStack({ logger });
    for (const name of ["database", "consumer", "listener"]) {
      stack.add(name, async () => {
        await Promise.resolve();
        closed.push(name);
      });
    }
    expect(await stack.close()).toBe(true);
    expect(closed).toEqual(["listener", "consumer", "database"]);
  });

  test("goes on after what fails or hangs", async () => {
    const closed: string[] = [];
    const stack = createCloseStack({ logger, graceMs: 5 });
    stack.add("database", () => void closed.push("database"));
    stack.add("hanging", () => new Promise(() => {}));
    stack.add("failing", () => Promise.reject(new Error("no")));
    stack.add("throwing", () => {
      throw new Error("no");
    });
    expect(await stack.close()).toBe(false);
    expect(closed).toEqual(["database"]);
  });

  test("closes once, however often it is asked", async () => {
    const close = vi.fn();
    const stack = createCloseStack({ logger });
    stack.add("database", close);
    await Promise.all([stack.close(), stack.close()]);
    await stack.close();
    expect(close).toHaveBeenCalledTimes(1);
  });
});

describe("runForever", () => {
  test("starts the work again until the signal aborts", async () => {
    const stop = new AbortController();
    let runs = 0;
    const ended = runForever(
      "work",
      async () => {
        runs += 1;
        if (runs === 3) stop.abort();
        if (runs === 2) throw new Error("broken");
      },
      stop.signal,
      logger,
    );
    await ended;
    expect(runs).toBe(3);
  });

  test("ends at once when the signal aborts during a pause", async () => {
    const stop = new AbortController();
    const ended = runForever("work", () => Promise.reject(new Error("broken")), stop.signal, logger);
    setImmediate(() => stop.abort());
    await ended;
    expect(stop.signal.aborted).toBe(true);
  });
});
