import { describe, expect, test } from "vitest";
import { createTail } from "./tail.ts";

/** A log of 1..head, which `read` answers in pages of 7, and a tail of it from `after`. */
function follow(options: { head: number; after?: number; failReads?: number }) {
  const delivered: number[] = [];
  let failures = options.failReads ?? 0;
  let reads = 0;
  const log = { head: options.head };
  const tail = createTail<number>({
    after: options.after ?? 0,
    seqOf: (item) => item,
    deliver: (items) => delivered.push(...items),
    read: async (after) => {
      reads++;
      if (failures-- > 0) throw new Error("unavailable");
      const page = [];
      for (let seq = after + 1; seq <= Math.min(log.head, after + 7); seq++) page.push(seq);
      return page;
    },
    backoff: async () => {},
  });
  return { tail, delivered, log, reads: () => reads };
}

const upTo = (n: number, from = 1) => Array.from({ length: n - from + 1 }, (_, i) => from + i);

describe("tail", () => {
  test("delivers what comes in order without reading, and drops repeats", () => {
    const { tail, delivered, reads } = follow({ head: 5 });
    tail.receive([1, 2]);
    tail.receive([2, 1, 3]);
    tail.receive([4, 4, 5]);
    expect(delivered).toEqual(upTo(5));
    expect(reads()).toBe(0);
  });

  test("fills a hole from the log before what came after it", async () => {
    const { tail, delivered } = follow({ head: 30 });
    tail.receive([1]);
    tail.receive([25, 24]);
    expect(delivered).toEqual([1]);
    await tail.reach(25);
    expect(delivered.slice(0, 25)).toEqual(upTo(25));
  });

  test("closes a hole at the end once the head is known", async () => {
    const { tail, delivered } = follow({ head: 20, after: 3 });
    await tail.reach(20);
    expect(delivered).toEqual(upTo(20, 4));
  });

  test("reads again when the log can't be read", async () => {
    const { tail, delivered, reads } = follow({ head: 3, failReads: 4 });
    await tail.reach(3);
    expect(delivered).toEqual(upTo(3));
    expect(reads()).toBe(5);
  });

  test("delivers nothing after close", async () => {
    const { tail, delivered } = follow({ head: 3 });
    const reached = tail.reach(3);
    tail.close();
    await reached;
    tail.receive([1]);
    expect(delivered).toEqual([]);
  });

  test("whatever the order, the losses and the repeats, each seq once and in order", async () => {
    let seed = 7;
    const random = () => {
      seed = (seed * 48271) % 2147483647;
      return seed / 2147483647;
    };
    for (let round = 0; round < 200; round++) {
      const head = 1 + Math.floor(random() * 60);
      const { tail, delivered } = follow({ head, failReads: Math.floor(random() * 3) });
      const arrivals = upTo(head)
        .flatMap((seq) => (random() < 0.2 ? [] : random() < 0.2 ? [seq, seq] : [seq]))
        .map((seq) => ({ seq, at: seq + random() * 20 }))
        .sort((a, b) => a.at - b.at)
        .map((arrival) => arrival.seq);
      while (arrivals.length > 0) {
        tail.receive(arrivals.splice(0, 1 + Math.floor(random() * 5)));
        if (random() < 0.3) await Promise.resolve();
      }
      await tail.reach(head);
      expect(delivered).toEqual(upTo(head));
    }
  });
});
