import { afterEach, describe, expect, test, vi } from "vitest";
import { Code } from "./code.ts";
import { ParleyError } from "./errors.ts";
import { createOrderedLog } from "./ordered-log.ts";

interface Item {
  readonly seq: bigint;
}

function setUp(cursor: bigint | undefined, there: readonly bigint[] = []) {
  const got: bigint[] = [];
  const lost: unknown[] = [];
  const failures: unknown[] = [];
  const connection = new AbortController();
  const fetch = vi.fn(async (after: bigint, before: bigint) => {
    if (failures.length > 0) throw failures.shift();
    return there.filter((seq) => seq > after && seq < before).map((seq) => ({ seq }));
  });
  const log = createOrderedLog<Item>({
    cursor,
    fetch,
    deliver: ({ seq }) => got.push(seq),
    lost: (error) => lost.push(error),
  });
  log.begin(connection.signal);
  const take = (...seqs: number[]) => seqs.forEach((seq) => void log.take({ seq: BigInt(seq) }));
  return { log, take, got, lost, failures, fetch, connection };
}

describe("an ordered log", () => {
  afterEach(() => void vi.useRealTimers());

  test("hands on what comes in order, and begins with what comes first", () => {
    const { take, got } = setUp(undefined);
    take(7, 8, 9);
    expect(got).toEqual([7n, 8n, 9n]);
  });

  test("drops what it had", () => {
    const { take, got } = setUp(4n);
    take(3, 4, 5, 5, 4, 6);
    expect(got).toEqual([5n, 6n]);
  });

  test("holds back what comes early, until what is before it comes", () => {
    const { take, got, fetch } = setUp(4n);
    take(6, 8, 5);
    expect(got).toEqual([5n, 6n]);
    take(7);
    expect(got).toEqual([5n, 6n, 7n, 8n]);
    expect(fetch).not.toHaveBeenCalled();
  });

  test("fetches what doesn't come, and only that", async () => {
    const { take, got, fetch } = setUp(4n, [5n, 6n, 7n, 8n, 9n]);
    take(8);
    await expect.poll(() => got).toEqual([5n, 6n, 7n, 8n]);
    expect(fetch).toHaveBeenCalledExactlyOnceWith(4n, 8n, expect.anything());
    take(9);
    expect(got.at(-1)).toBe(9n);
  });

  test("fetches up to the head that it is told", async () => {
    const { log, got } = setUp(4n, [5n, 6n]);
    log.expect(6n);
    await expect.poll(() => got).toEqual([5n, 6n]);
  });

  test("goes on fetching after failures, but not those that stay", async () => {
    const { take, got, failures, lost } = setUp(4n, [5n, 6n]);
    failures.push(new ParleyError("later", { reason: "UNAVAILABLE", code: Code.Unavailable }));
    take(6);
    await expect.poll(() => got).toEqual([5n, 6n]);
    const gone = new ParleyError("gone", { reason: "ROOM_NOT_FOUND", code: Code.NotFound });
    failures.push(gone);
    take(9);
    await expect.poll(() => lost).toEqual([gone]);
    take(10);
    expect(got).toEqual([5n, 6n, 10n]);
  });

  test("is lost where what is missing isn't there", async () => {
    const { take, lost } = setUp(4n, []);
    take(9);
    await expect.poll(() => lost).toEqual([undefined]);
  });

  test("waits for the next connection with what is missing, and keeps nobody from making it", async () => {
    const { log, take, got, connection } = setUp(4n, [5n, 6n]);
    vi.useFakeTimers();
    take(6);
    connection.abort();
    // What was begun for it comes to its end.
    await vi.runAllTimersAsync();
    vi.useRealTimers();
    log.begin(new AbortController().signal);
    log.expect(6n);
    await expect.poll(() => got).toEqual([5n, 6n]);
  });

  test("fetches nothing for a connection that is over, and drops what it held back for it", async () => {
    const { take, got, fetch, connection, log } = setUp(4n, [5n]);
    vi.useFakeTimers();
    take(6);
    connection.abort();
    log.begin(new AbortController().signal);
    take(5);
    expect(got).toEqual([5n]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(fetch).not.toHaveBeenCalled();
  });
});
