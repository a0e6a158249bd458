import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { UnprocessableRecordError } from "../../services/common/events/event-log.ts";
import {
  readDeadLetters,
  replayDeadLetters,
  rewindGroup,
} from "../../services/common/events/kafka-replay.ts";
import { timelineRecords } from "../../services/common/events/test-event-log.ts";
import { timelineTopic } from "../../services/common/events/topics.ts";
import { newId } from "../../services/common/ids.ts";
import { createLogger } from "../../services/common/logger.ts";
import { noKafka, sharedKafka } from "../kafka.ts";
import { preparedKafka } from "./environment.ts";
import { startOwnBroker } from "./test-broker.ts";
import { startTestLog } from "./test-log.ts";

const patience = { timeout: 40_000, interval: 20 };
const logger = createLogger({ level: "silent", pretty: false });

/** What each key has seen: in order once repeats are dropped, or it says so. */
function createLedger() {
  const last = new Map<string, number>();
  const holes: unknown[] = [];
  return {
    last,
    holes,
    take(batch: readonly { key: string; number: bigint | number }[]) {
      for (const { key, number } of batch) {
        const before = last.get(key) ?? 0;
        if (Number(number) > before + 1) holes.push({ key, number, before });
        last.set(key, Math.max(before, Number(number)));
      }
    },
  };
}

describe.skipIf(noKafka)("groups on Kafka", { timeout: 120_000 }, () => {
  beforeAll(sharedKafka);

  test("a second member takes its share, and a member that leaves gives it back: nothing is lost", async () => {
    const config = await preparedKafka((await sharedKafka()).url);
    const ledger = createLedger();
    const [first, second] = [startTestLog(config), startTestLog(config)];
    const counts = [0, 0];
    [first, second].forEach(({ log }, index) => {
      log.subscribe(timelineTopic, "group", (batch) => {
        counts[index]! += batch.length;
        ledger.take(batch);
      });
    });
    await first.start();
    const keys = Array.from({ length: 12 }, newId);
    let number = 0;
    const publish = async () => {
      number += 1;
      await first.log.publish(
        timelineTopic,
        keys.map((key) => timelineRecords(key, number)[0]!),
      );
    };
    for (let round = 0; round < 20; round++) await publish();
    const joining = second.start();
    let joined = false;
    void joining.then(() => {
      joined = true;
    });
    while (!joined) await publish();
    for (let round = 0; round < 50 || counts[1] === 0; round++) await publish();
    expect(first.rebalances.get("group")).toBeGreaterThan(1);
    await second.log.close();
    for (let round = 0; round < 20; round++) await publish();
    await vi.waitFor(
      () => expect(Math.min(...keys.map((key) => ledger.last.get(key)!))).toBe(number),
      patience,
    );
    expect(ledger.holes).toEqual([]);
  });

  test("what a member had that was killed goes to the others, and nothing is lost", async () => {
    const config = await preparedKafka((await sharedKafka()).url);
    const { log, start, rebalances } = startTestLog(config);
    const seen = new Map<string, Set<number>>();
    const note = (key: string, number: number) => seen.set(key, (seen.get(key) ?? new Set()).add(number));
    log.subscribe(timelineTopic, "group", (batch) => {
      for (const { key, number } of batch) note(key, Number(number));
    });
    await start();
    const child = spawn(process.execPath, [join(import.meta.dirname, "member.ts"), JSON.stringify(config)]);
    onTestFinished(() => void child.kill("SIGKILL"));
    let lines = 0;
    createInterface({ input: child.stdout }).on("line", (line) => {
      const [key, number] = line.split(" ");
      lines += 1;
      note(key!, Number(number));
    });
    const keys = Array.from({ length: 12 }, newId);
    let number = 0;
    const publish = async () => {
      number += 1;
      const records = keys.map((key) => timelineRecords(key, number)[0]!);
      await log.publish(timelineTopic, records);
    };
    while (lines < 200) await publish();
    const before = rebalances.get("group")!;
    child.kill("SIGKILL");
    for (let round = 0; round < 50; round++) await publish();
    await vi.waitFor(
      () => expect(keys.map((key) => seen.get(key)?.size)).toEqual(keys.map(() => number)),
      patience,
    );
    // By which gateways are told to look for what the killed one had taken and not passed on.
    expect(rebalances.get("group")).toBeGreaterThan(before);
  });

  test("everything arrives in order though the broker is killed, and stands still, under load", async () => {
    const { broker, stop } = await startOwnBroker();
    try {
      const config = await preparedKafka(`kafka://${broker.address}`);
      const { log, start } = startTestLog(config, { publishTimeoutMs: 3_000 });
      const ledger = createLedger();
      log.subscribe(timelineTopic, "group", (batch) => ledger.take(batch));
      await start();
      const keys = Array.from({ length: 6 }, newId);
      let number = 0;
      let refused = 0;
      /** As the outbox does: again until it is stored. */
      const publish = async () => {
        number += 1;
        const records = keys.map((key) => timelineRecords(key, number)[0]!);
        for (;;) {
          try {
            return await log.publish(timelineTopic, records);
          } catch {
            refused += 1;
          }
        }
      };
      for (const [harm, heal] of [
        [() => broker.stop("SIGKILL"), () => broker.start()],
        [async () => broker.signal("SIGSTOP"), async () => broker.signal("SIGCONT")],
      ] as const) {
        for (let round = 0; round < 50; round++) await publish();
        const before = refused;
        await harm();
        const blocked = publish();
        await vi.waitFor(() => expect(refused).toBeGreaterThan(before), patience);
        await heal();
        await blocked;
        for (let round = 0; round < 50; round++) await publish();
      }
      await vi.waitFor(
        () => expect(keys.map((key) => ledger.last.get(key))).toEqual(keys.map(() => number)),
        patience,
      );
      expect(ledger.holes).toEqual([]);
      await log.close();
    } finally {
      await stop();
    }
  });

  test("dead letters are kept, read, and replayed to the group that failed, once", async () => {
    const config = await preparedKafka((await sharedKafka()).url);
    const { log, start } = startTestLog(config);
    let broken = true;
    const handled: number[] = [];
    const other: number[] = [];
    log.subscribe(timelineTopic, "group", (batch) => {
      const refused = batch.filter(({ number }) => number === 2);
      if (broken && refused.length > 0) throw new UnprocessableRecordError(refused, "not this one");
      handled.push(...batch.map(({ number }) => Number(number)));
    });
    log.subscribe(
      timelineTopic,
      "other",
      (batch) => void other.push(...batch.map(({ number }) => Number(number))),
    );
    await start();
    const key = newId();
    await log.publish(timelineTopic, timelineRecords(key, 1, 3), { epoch: newId() });
    await vi.waitFor(
      () =>
        expect([handled, other]).toEqual([
          [1, 3],
          [1, 2, 3],
        ]),
      patience,
    );
    const [letter, ...more] = await readDeadLetters({ config, logger }, timelineTopic);
    expect(more).toEqual([]);
    expect(letter).toMatchObject({
      group: "group",
      key,
      number: 2,
      reason: "UnprocessableRecordError: not this one",
      replayed: false,
    });
    expect(letter?.payload()).toMatchObject({ roomId: key, seq: "2" });
    broken = false;
    expect(await replayDeadLetters({ config, logger }, timelineTopic, "other")).toBe(0);
    expect(await replayDeadLetters({ config, logger }, timelineTopic, "group")).toBe(1);
    await vi.waitFor(() => expect(handled).toEqual([1, 3, 2]), patience);
    expect(await replayDeadLetters({ config, logger }, timelineTopic, "group")).toBe(0);
    expect(await readDeadLetters({ config, logger }, timelineTopic)).toMatchObject([{ replayed: true }]);
    expect(other).toEqual([1, 2, 3]);
  });

  test("a group without members can be sent back, and begins there", async () => {
    const config = await preparedKafka((await sharedKafka()).url);
    const first = startTestLog(config);
    await first.log.publish(timelineTopic, timelineRecords(newId(), 1, 3));
    await first.log.close();
    await rewindGroup({ config, logger }, timelineTopic, `${config.prefix}parley.group`, { offset: "0" });
    const second = startTestLog(config);
    const seen: number[] = [];
    second.log.subscribe(
      timelineTopic,
      "group",
      (batch) => void seen.push(...batch.map(({ number }) => Number(number))),
    );
    await second.start();
    await vi.waitFor(() => expect(seen).toEqual([1, 2, 3]), patience);
  });
});
