import { describe, expect, test, vi } from "vitest";
import { UnavailableError } from "../errors.ts";
import { createNotingLog, createStuckLog, useTestOutbox } from "./test-outbox.ts";

const fixture = useTestOutbox();

describe("after a commit", () => {
  test("publishes at once; the rows are handed out, once, for the next transaction to delete", async () => {
    const { log, handled } = createNotingLog();
    const { outbox } = fixture.create({ log });
    const entries = [await fixture.commit(1, 3), await fixture.commit(4)];
    outbox.committed(entries);
    await vi.waitFor(() => expect(handled).toEqual([1, 2, 3, 4]));
    await vi.waitFor(() => expect(outbox.takePublished()).toEqual(entries.flatMap(({ ids }) => ids)));
    expect(outbox.takePublished()).toEqual([]);
    expect(await fixture.rowsLeft()).toEqual([1, 4]);
  });

  test("hands out no more than asked for", async () => {
    const { log, handled } = createNotingLog();
    const { outbox } = fixture.create({ log });
    const ids: number[] = [];
    for (let number = 1; number <= 5; number++) {
      const entry = await fixture.commit(number);
      ids.push(...entry.ids);
      outbox.committed([entry]);
    }
    await vi.waitFor(() => expect(handled).toHaveLength(5));
    expect(outbox.takePublished(2)).toEqual(ids.slice(0, 2));
    expect(outbox.takePublished(2)).toEqual(ids.slice(2, 4));
    expect(outbox.takePublished()).toEqual(ids.slice(4));
  });

  test("deletes the rows itself when nothing is written", async () => {
    const { log } = createNotingLog();
    const { outbox, run } = fixture.create({ log });
    run();
    outbox.committed([await fixture.commit(1, 3)]);
    await vi.waitFor(async () => expect(await fixture.rowsLeft()).toEqual([]));
  });

  test("deletes nothing before every handler is done, and publishes nothing twice meanwhile", async () => {
    const { log, handled, release } = createStuckLog();
    const store = fixture.store();
    const list = vi.fn(store.listUnpublished);
    const { outbox, run } = fixture.create({
      log,
      store: { ...store, listUnpublished: list },
      settings: { graceMs: -1_000 },
    });
    outbox.committed([await fixture.commit(1)]);
    run();
    await vi.waitFor(() => expect(list.mock.calls.length).toBeGreaterThan(3));
    expect(outbox.takePublished()).toEqual([]);
    expect(await fixture.rowsLeft()).toEqual([1]);
    release();
    await vi.waitFor(async () => expect(await fixture.rowsLeft()).toEqual([]));
    expect(handled).toEqual([1]);
  });

  test("tries to delete again when the database fails", async () => {
    const { log } = createNotingLog();
    const store = fixture.store();
    const remove = vi.fn(store.delete).mockRejectedValueOnce(new UnavailableError("disk full"));
    const { outbox, run } = fixture.create({ log, store: { ...store, delete: remove } });
    run();
    outbox.committed([await fixture.commit(1)]);
    await vi.waitFor(async () => expect(await fixture.rowsLeft()).toEqual([]));
    expect(remove).toHaveBeenCalledTimes(2);
  });
});

describe("closing", () => {
  test("waits for what is under way and deletes it", async () => {
    const { log, release } = createStuckLog();
    const { outbox } = fixture.create({ log, settings: { drainMs: 10_000 } });
    outbox.committed([await fixture.commit(1)]);
    const closing = outbox.close();
    release();
    await closing;
    expect(await fixture.rowsLeft()).toEqual([]);
  });

  test("gives up on what takes too long: its rows are there at the next start", async () => {
    const { log } = createStuckLog();
    const { outbox, run } = fixture.create({ log });
    outbox.committed([await fixture.commit(1)]);
    run();
    await outbox.close();
    outbox.committed([await fixture.commit(2)]);
    expect(await fixture.rowsLeft()).toEqual([1, 2]);
    const next = createNotingLog();
    fixture.create({ log: next.log, clock: () => Date.now() + 1 }).run();
    await vi.waitFor(async () => expect(await fixture.rowsLeft()).toEqual([]));
    expect(next.handled).toEqual([1, 2]);
  });

  test("interrupts a sweep that waits for the log", async () => {
    await fixture.commit(1);
    const { log, handled } = createStuckLog();
    const { outbox, run } = fixture.create({ log, settings: { graceMs: -1_000, drainMs: 10_000 } });
    run();
    await vi.waitFor(() => expect(handled).toEqual([1]));
    await outbox.close();
    expect(await fixture.rowsLeft()).toEqual([1]);
  });
});
