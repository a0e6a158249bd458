import { create } from "@bufbuild/protobuf";
import { describe, expect, test, vi } from "vitest";
import { type TimelineEvent, TimelineEventSchema } from "#gen/parley/message/v1/timeline_pb.js";
import { UnavailableError } from "../errors.ts";
import { newId } from "../ids.ts";
import { type EventLog, type EventRecord, UnprocessableRecordError } from "./event-log.ts";
import { feedTopic, timelineTopic } from "./topics.ts";

export type TimelineRecord = EventRecord<TimelineEvent>;

/** An event log under test. Failed batches are tried three times, after a few milliseconds. */
export interface TestEventLog {
  readonly log: EventLog;
  /** Begins delivery to those who have subscribed; resolves when what is published from then on reaches them. */
  start(): Promise<void>;
  /** Dead letters, as they were logged. */
  deadLetters(): { group: string; key: string; number: number; err: { message: string } }[];
}

const patience = { timeout: 20_000, interval: 5 };

export function timelineRecords(key: string, first: number, last = first): TimelineRecord[] {
  return Array.from({ length: last - first + 1 }, (_, index) => ({
    key,
    number: first + index,
    message: create(TimelineEventSchema, { roomId: key, seq: BigInt(first + index) }),
  }));
}

/** What the port promises, whatever is behind it. `open` leaves closing to the end of the test. */
export function describeEventLog(name: string, open: () => Promise<TestEventLog>): void {
  const numbers = (batch: readonly EventRecord[]) => batch.map(({ number }) => Number(number));

  describe(`${name}: delivery`, () => {
    test("brings records to every group, in order, as they were", async () => {
      const { log, start } = await open();
      const seen: TimelineRecord[] = [];
      const other: number[] = [];
      log.subscribe(timelineTopic, "group", (batch) => void seen.push(...batch));
      log.subscribe(timelineTopic, "other", (batch) => void other.push(...numbers(batch)));
      await start();
      const room = newId();
      const headers = { traceparent: "00-1234" };
      await log.publish(
        timelineTopic,
        timelineRecords(room, 1, 3).map((record) => ({ ...record, headers })),
      );
      await log.publish(timelineTopic, timelineRecords(room, 4), { epoch: newId() });
      await vi.waitFor(
        () =>
          expect([numbers(seen), other]).toEqual([
            [1, 2, 3, 4],
            [1, 2, 3, 4],
          ]),
        patience,
      );
      expect(seen[0]).toMatchObject({ key: room, headers, message: { roomId: room, seq: 1n } });
      expect(seen[3]?.headers).toBeUndefined();
    });

    test("keeps topics apart", async () => {
      const { log, start } = await open();
      const seen: number[] = [];
      log.subscribe(feedTopic, "group", () => {
        throw new Error("not this topic");
      });
      log.subscribe(timelineTopic, "group", (batch) => void seen.push(...numbers(batch)));
      await start();
      await log.publish(timelineTopic, timelineRecords(newId(), 1));
      await vi.waitFor(() => expect(seen).toEqual([1]), patience);
    });

    test("keeps the order of every key when many publish at once and handlers fail now and then", async () => {
      const { log, start } = await open();
      const keys = Array.from({ length: 5 }, newId);
      const handled = new Map<string, number>();
      const skipped: unknown[] = [];
      let calls = 0;
      log.subscribe(timelineTopic, "group", async (batch) => {
        await new Promise((resolve) => setImmediate(resolve));
        for (const { key, number } of batch) {
          const last = handled.get(key) ?? 0;
          // A batch that comes again begins with what was seen.
          if (Number(number) > last + 1) skipped.push({ key, number, last });
          handled.set(key, Math.max(last, Number(number)));
        }
        if (++calls % 3 === 0) throw new UnavailableError();
      });
      await start();
      const publishings: Promise<void>[] = [];
      for (let number = 1; number <= 200; number++) {
        const records = keys.map((key) => timelineRecords(key, number)[0]!);
        publishings.push(log.publish(timelineTopic, records));
        if (number % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await Promise.all(publishings);
      await vi.waitFor(() => expect([...handled.values()]).toEqual([200, 200, 200, 200, 200]), patience);
      expect(skipped).toEqual([]);
    });

    test("refuses a second handler for the same topic and group", async () => {
      const { log } = await open();
      log.subscribe(timelineTopic, "group", () => {});
      expect(() => log.subscribe(timelineTopic, "group", () => {})).toThrow("already");
    });
  });

  describe(`${name}: failures`, () => {
    test("a group that fails gets its batch again, and no other group does", async () => {
      const { log, start } = await open();
      const failing: number[] = [];
      const other: number[] = [];
      log.subscribe(timelineTopic, "failing", (batch) => {
        failing.push(...numbers(batch));
        if (failing.filter((number) => number === 1).length < 3) throw new Error("not yet");
      });
      log.subscribe(timelineTopic, "other", (batch) => void other.push(...numbers(batch)));
      await start();
      await log.publish(timelineTopic, timelineRecords(newId(), 1, 2));
      await vi.waitFor(
        () =>
          expect([failing, other]).toEqual([
            [1, 2, 1, 2, 1, 2],
            [1, 2],
          ]),
        patience,
      );
    });

    test("records that the handler refuses become dead letters, with the reason; the rest goes on", async () => {
      const { log, start, deadLetters } = await open();
      const room = newId();
      const handled: number[] = [];
      log.subscribe(timelineTopic, "group", (batch) => {
        const refused = batch.filter(({ number }) => number === 2 || number === 3);
        if (refused.length > 0) throw new UnprocessableRecordError(refused, "of no known kind");
        handled.push(...numbers(batch));
      });
      await start();
      await log.publish(timelineTopic, timelineRecords(room, 1, 5));
      await vi.waitFor(() => expect(handled).toEqual([1, 4, 5]), patience);
      expect(deadLetters()).toMatchObject([
        { topic: timelineTopic.name, group: "group", key: room, number: 2 },
        { number: 3, err: { message: "of no known kind" } },
      ]);
    });

    test("a record on which the handler breaks is singled out and given up; the rest is handled", async () => {
      const { log, start, deadLetters } = await open();
      const handled = new Set<number>();
      log.subscribe(timelineTopic, "group", (batch) => {
        for (const number of numbers(batch)) {
          if (number === 3) throw new TypeError("broken");
          handled.add(number);
        }
      });
      await start();
      await log.publish(timelineTopic, timelineRecords(newId(), 1, 5));
      await vi.waitFor(() => expect([...handled]).toEqual([1, 2, 4, 5]), patience);
      expect(deadLetters()).toMatchObject([{ number: 3, err: { message: "broken" } }]);
    });

    test("nothing is given up because something else is down", async () => {
      const { log, start, deadLetters } = await open();
      let calls = 0;
      log.subscribe(timelineTopic, "group", () => {
        if (++calls <= 20) throw new UnavailableError();
      });
      await start();
      await log.publish(timelineTopic, timelineRecords(newId(), 1));
      await vi.waitFor(() => expect(calls).toBe(21), patience);
      expect(deadLetters()).toEqual([]);
    });

    test("naming a record that isn't in the batch is a failure like any other", async () => {
      const { log, start, deadLetters } = await open();
      const [stranger] = timelineRecords(newId(), 9);
      log.subscribe(timelineTopic, "group", () => {
        throw new UnprocessableRecordError(stranger!, "unknown");
      });
      await start();
      await log.publish(timelineTopic, timelineRecords(newId(), 1));
      await vi.waitFor(() => expect(deadLetters()).toMatchObject([{ number: 1 }]), patience);
    });
  });

  describe(`${name}: stopping`, () => {
    test("ends the handler under way by its signal", async () => {
      const { log, start } = await open();
      const begun = Promise.withResolvers<void>();
      let aborted = false;
      log.subscribe(timelineTopic, "group", async (_, signal) => {
        begun.resolve();
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        aborted = true;
        throw signal.reason;
      });
      await start();
      const publishing = log.publish(timelineTopic, timelineRecords(newId(), 1)).catch(() => {});
      await begun.promise;
      await log.close();
      expect(aborted).toBe(true);
      await publishing;
      await expect(log.publish(timelineTopic, timelineRecords(newId(), 1))).rejects.toThrow("stopped");
    });

    test("interrupts the pause between attempts", async () => {
      const { log, start } = await open();
      const broken = vi.fn(() => {
        throw new UnavailableError();
      });
      log.subscribe(timelineTopic, "group", broken);
      await start();
      const publishing = log.publish(timelineTopic, timelineRecords(newId(), 1)).catch(() => {});
      await vi.waitFor(() => expect(broken).toHaveBeenCalled(), patience);
      await log.close();
      await publishing;
    });

    test("can be closed before it runs", async () => {
      const { log } = await open();
      log.subscribe(timelineTopic, "group", () => {});
      await log.close();
    });
  });
}
