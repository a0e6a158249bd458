import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DeadlineExceededError } from "../services/common/errors.ts";
import { createReadTurns } from "./read-turns.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const never = new AbortController().signal;

/** Two at once. A read begins when its turn comes and ends when it is told to. */
function start() {
  const turns = createReadTurns({ atOnce: () => 2, targetMs: 100, now: () => Date.now() });
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const left = new Map<string, number>();
  return {
    turns,
    begun,
    left,
    async end(name: string) {
      ends.get(name)?.();
      await vi.advanceTimersByTimeAsync(0);
    },
    read: (name: string, { signal = never, timeoutMs = 5000 } = {}) =>
      turns.run({ signal, timeoutMs }, (leftMs) => {
        begun.push(name);
        left.set(name, leftMs);
        return new Promise<string>((resolve) => ends.set(name, () => resolve(name)));
      }),
  };
}

test("so many are under way at once, the others wait in order", async () => {
  const { read, end, begun } = start();
  const all = ["a", "b", "c", "d"].map((name) => read(name));
  expect(begun).toEqual(["a", "b"]);
  await end("b");
  expect(begun).toEqual(["a", "b", "c"]);
  await end("a");
  expect(begun).toEqual(["a", "b", "c", "d"]);
  await end("c");
  await end("d");
  expect(await Promise.all(all)).toEqual(["a", "b", "c", "d"]);
});

test("a read that fails hands its turn on", async () => {
  const { turns, read, begun } = start();
  void read("a");
  const failing = turns.run({ signal: never, timeoutMs: 5000 }, () => Promise.reject(new Error("no")));
  void read("b");
  await expect(failing).rejects.toThrow("no");
  await vi.advanceTimersByTimeAsync(0);
  expect(begun).toEqual(["a", "b"]);
});

test("who waits is told how much time is left, and is gone when there is none", async () => {
  const { read, end, left, begun } = start();
  void read("a");
  void read("b");
  void read("c", { timeoutMs: 1000 });
  const late = read("d", { timeoutMs: 300 });
  const refused = expect(late).rejects.toBeInstanceOf(DeadlineExceededError);
  await vi.advanceTimersByTimeAsync(400);
  await refused;
  await end("a");
  expect(left.get("c")).toBe(600);
  await end("b");
  expect(begun, "d was never begun").toEqual(["a", "b", "c"]);
});

test("a caller who is gone doesn't begin, whether gone before or while waiting", async () => {
  const { read, end, begun } = start();
  void read("a");
  void read("b");
  const leaving = new AbortController();
  const waiting = read("c", { signal: leaving.signal });
  const refused = expect(waiting).rejects.toMatchObject({ code: Code.Canceled });
  leaving.abort();
  await refused;
  await expect(read("d", { signal: leaving.signal })).rejects.toMatchObject({ code: Code.Canceled });
  void read("e");
  await end("a");
  expect(begun).toEqual(["a", "b", "e"]);
});

test("is standing once who has waited longest has waited too long, and not when the line is gone", async () => {
  const { turns, read, end } = start();
  void read("a");
  void read("b");
  await vi.advanceTimersByTimeAsync(500);
  expect(turns.isStanding, "nobody waits").toBe(false);
  void read("c");
  expect(turns.isStanding).toBe(false);
  void read("d");
  await vi.advanceTimersByTimeAsync(101);
  expect(turns.isStanding, "nothing has ended meanwhile: all stood still").toBe(false);
  await end("a");
  await vi.advanceTimersByTimeAsync(1);
  expect(turns.isStanding, "d has waited on").toBe(true);
  await end("b");
  expect(turns.isStanding).toBe(false);
});

test("reads that hang keep others waiting for a second, and end no turn twice", async () => {
  const { read, end, begun } = start();
  for (const name of ["a", "b", "c", "d", "e"]) void read(name);
  await vi.advanceTimersByTimeAsync(999);
  expect(begun).toEqual(["a", "b"]);
  await vi.advanceTimersByTimeAsync(1);
  expect(begun).toEqual(["a", "b", "c", "d"]);
  await end("a");
  expect(begun, "its turn was handed on before").toEqual(["a", "b", "c", "d"]);
  await end("c");
  expect(begun).toEqual(["a", "b", "c", "d", "e"]);
});

test("a deadline that ends the waiting is a deadline, whoever notices first", async () => {
  const { read } = start();
  void read("a");
  void read("b");
  const late = new AbortController();
  const refused = expect(read("c", { signal: late.signal })).rejects.toMatchObject({
    code: Code.DeadlineExceeded,
  });
  late.abort(new DOMException("too late", "TimeoutError"));
  await refused;
});

test("very many are too many, however short they have waited", () => {
  const { turns, read } = start();
  for (let i = 0; i < 1002; i++) {
    expect(turns.isStanding).toBe(false);
    void read(`${i}`);
  }
  expect(turns.isStanding).toBe(true);
});
