import { expect, test } from "vitest";
import { createLocks } from "./locks.ts";

function setUp() {
  const locks = createLocks();
  const done: string[] = [];
  const underWay = new Set<string>();
  /** Begins work that goes on until `end`. */
  const begin = (name: string, what: string) => {
    const gate = Promise.withResolvers<string>();
    const result = locks.run(name, async () => {
      underWay.add(what);
      try {
        return await gate.promise;
      } finally {
        underWay.delete(what);
        done.push(what);
      }
    });
    return { result, end: () => gate.resolve(`${what} is done`), fail: () => gate.reject(new Error(what)) };
  };
  return { locks, begin, done, underWay };
}

test("work under one name is done one after the other, in the order in which it was asked for", async () => {
  const { begin, done, underWay } = setUp();
  const [a, b, c] = [begin("one", "a"), begin("one", "b"), begin("one", "c")];
  c.end();
  b.end();
  expect([...underWay]).toEqual(["a"]);
  a.end();
  expect(await Promise.all([c.result, b.result, a.result])).toEqual(["c is done", "b is done", "a is done"]);
  expect(done).toEqual(["a", "b", "c"]);
});

test("work under another name waits for nothing", async () => {
  const { begin } = setUp();
  const waiting = begin("one", "a");
  const other = begin("two", "b");
  other.end();
  expect(await other.result).toBe("b is done");
  waiting.end();
  await waiting.result;
});

test("work that fails tells who asked for it, and lets the next one begin", async () => {
  const { begin } = setUp();
  const [a, b] = [begin("one", "a"), begin("one", "b")];
  b.end();
  a.fail();
  await expect(a.result).rejects.toThrow("a");
  expect(await b.result).toBe("b is done");
});

test("work that is asked for by who waited its turn has its turn after the others", async () => {
  const { locks, begin, done } = setUp();
  const a = begin("one", "a");
  const late = a.result.then(() => locks.run("one", async () => void done.push("late")));
  const b = begin("one", "b");
  a.end();
  b.end();
  await late;
  expect(done).toEqual(["a", "b", "late"]);
});
