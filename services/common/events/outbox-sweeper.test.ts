import { expect, test, vi } from "vitest";
import { insertOutboxRow } from "../database/outbox-table.ts";
import { UnavailableError } from "../errors.ts";
import { newId } from "../ids.ts";
import type { OutboxRow, OutboxStore } from "./outbox.ts";
import {
  createLog,
  createNotingLog,
  createStuckLog,
  numbersOf,
  recordsOf,
  useTestOutbox,
} from "./test-outbox.ts";
import { timelineTopic } from "./topics.ts";

const fixture = useTestOutbox();

test("publishes at once what a crash left, in order", async () => {
  await fixture.commit(1);
  await fixture.commit(2, 4);
  await fixture.reopen();
  const { log, handled } = createNotingLog();
  fixture.create({ log, clock: () => Date.now() + 1 }).run();
  await vi.waitFor(async () => expect(await fixture.rowsLeft()).toEqual([]));
  expect(handled).toEqual([1, 2, 3, 4]);
});

test("publishes again what was published and not deleted before a crash", async () => {
  const before = createNotingLog();
  const { outbox } = fixture.create({ log: before.log });
  outbox.committed([await fixture.commit(1)]);
  await vi.waitFor(() => expect(before.handled).toEqual([1]));
  const after = createNotingLog();
  fixture.create({ log: after.log, clock: () => Date.now() + 1 }).run();
  await vi.waitFor(async () => expect(await fixture.rowsLeft()).toEqual([]));
  expect(after.handled).toEqual([1]);
});

test("leaves young rows to who committed them", async () => {
  const { log, handled } = createNotingLog();
  let now = Date.now();
  const store = fixture.store();
  const list = vi.fn(store.listUnpublished);
  const { run } = fixture.create({ log, store: { ...store, listUnpublished: list }, clock: () => now });
  await fixture.commit(1);
  run();
  await vi.waitFor(() => expect(list.mock.calls.length).toBeGreaterThan(3));
  expect(handled).toEqual([]);
  now += 3_001 + Date.now() - now;
  await vi.waitFor(async () => expect(await fixture.rowsLeft()).toEqual([]));
  expect(handled).toEqual([1]);
});

test("publishes what the log refused", async () => {
  const { log, subscription, release } = createStuckLog();
  release();
  await subscription.close();
  const { outbox, run } = fixture.create({ log, settings: { graceMs: -1_000 } });
  outbox.committed([await fixture.commit(1)]);
  const handled: number[] = [];
  run();
  log.subscribe(timelineTopic, "group", (batch) => void handled.push(...numbersOf(batch)));
  await vi.waitFor(async () => expect(await fixture.rowsLeft()).toEqual([]));
  expect(handled).toContain(1);
});

test("takes over what is more than may be under way", async () => {
  const { log, handled, release } = createStuckLog();
  const settings = { maxRecordsUnderWay: 3, graceMs: -1_000 };
  const { outbox, run } = fixture.create({ log, settings });
  const large = await fixture.commit(1, 5);
  outbox.committed([large]);
  outbox.committed([await fixture.commit(6)]);
  release();
  await vi.waitFor(() => expect(outbox.takePublished()).toEqual(large.ids));
  expect(handled).toEqual([1, 2, 3, 4, 5]);
  await fixture.store().delete(large.ids);
  run();
  await vi.waitFor(async () => expect(await fixture.rowsLeft()).toEqual([]));
  expect(handled).toEqual([1, 2, 3, 4, 5, 6]);
});

test("renders rows of many numbers in slices, and deletes them when all is published", async () => {
  await fixture.commit(1, 600);
  const { log, handled } = createNotingLog();
  const render = vi.fn(async (row: OutboxRow) => recordsOf(row));
  fixture.create({ log, render, settings: { graceMs: -1_000 } }).run();
  await vi.waitFor(async () => expect(await fixture.rowsLeft()).toEqual([]));
  expect(render.mock.calls.map(([row]) => [row.firstNumber, row.lastNumber])).toEqual([
    [1, 256],
    [257, 512],
    [513, 600],
  ]);
  expect(handled).toEqual(Array.from({ length: 600 }, (_, index) => index + 1));
});

test("goes over more rows than a page holds, even if none of a page can be published", async () => {
  const good = newId();
  await fixture.database.kysely.transaction().execute(async (trx) => {
    const row = { topic: timelineTopic.name, firstNumber: 1, lastNumber: 1, createdAt: Date.now() };
    for (let count = 0; count < 300; count++) await insertOutboxRow(trx, { ...row, key: newId() });
    await insertOutboxRow(trx, { ...row, key: good });
  });
  const log = createLog();
  const seen: string[] = [];
  log.subscribe(timelineTopic, "group", (batch) => void seen.push(...batch.map(({ key }) => key)));
  const render = async (row: OutboxRow) => {
    if (row.key !== good) throw new Error("can't be decoded");
    return recordsOf(row);
  };
  fixture.create({ log, render, settings: { graceMs: -1_000 } }).run();
  await vi.waitFor(async () => expect(await fixture.rowsLeft()).toHaveLength(300));
  expect(seen).toEqual([good]);
});

test("puts aside what can't be rendered or is of no known topic, and goes on", async () => {
  await fixture.commit(1);
  await fixture.commit(2, 2, { topic: "parley.other.v1" });
  await fixture.commit(3);
  const { log, handled } = createNotingLog();
  const render = vi.fn(async (row: OutboxRow) => {
    if (row.firstNumber === 1) throw new Error("can't be decoded");
    return recordsOf(row);
  });
  fixture.create({ log, render, settings: { graceMs: -1_000 } }).run();
  await vi.waitFor(async () => expect(await fixture.rowsLeft()).toEqual([1, 2]));
  expect(handled).toEqual([3]);
});

test("waits while what it renders from is down", async () => {
  await fixture.commit(1);
  const { log, handled } = createNotingLog();
  const render = vi
    .fn(async (row: OutboxRow) => recordsOf(row))
    .mockRejectedValueOnce(new UnavailableError());
  fixture.create({ log, render, settings: { graceMs: -1_000 } }).run();
  await vi.waitFor(async () => expect(await fixture.rowsLeft()).toEqual([]));
  expect(handled).toEqual([1]);
});

test("deletes rows whose content exists no more", async () => {
  await fixture.commit(1);
  const { log, handled } = createNotingLog();
  fixture.create({ log, render: async () => [], settings: { graceMs: -1_000 } }).run();
  await vi.waitFor(async () => expect(await fixture.rowsLeft()).toEqual([]));
  expect(handled).toEqual([]);
});

test("keeps off while another process has the lease, and takes over when it ends", async () => {
  await fixture.commit(1);
  let now = Date.now();
  const clock = () => now;
  const other = fixture.store(clock);
  expect(await other.acquireLease(10_000)).toBe(true);
  const store = fixture.store(clock);
  const lease = vi.fn(store.acquireLease);
  const { log, handled } = createNotingLog();
  fixture.create({ log, store: { ...store, acquireLease: lease }, settings: { graceMs: -1_000 } }).run();
  await vi.waitFor(() => expect(lease.mock.calls.length).toBeGreaterThan(2));
  expect(handled).toEqual([]);
  now += 10_000;
  await vi.waitFor(async () => expect(await fixture.rowsLeft()).toEqual([]));
  expect(handled).toEqual([1]);
  expect(await other.acquireLease(10_000)).toBe(false);
});

test("writes nothing while there is nothing to do", async () => {
  const { log } = createNotingLog();
  const store = fixture.store();
  const list = vi.fn(store.listUnpublished);
  const quiet: OutboxStore = {
    listUnpublished: list,
    delete: vi.fn(store.delete),
    acquireLease: vi.fn(store.acquireLease),
  };
  fixture.create({ log, store: quiet }).run();
  await vi.waitFor(() => expect(list.mock.calls.length).toBeGreaterThan(2));
  expect(quiet.delete).not.toHaveBeenCalled();
  expect(quiet.acquireLease).not.toHaveBeenCalled();
});
