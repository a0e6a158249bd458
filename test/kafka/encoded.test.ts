import { toBinary } from "@bufbuild/protobuf";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { createKafkaClient } from "../../services/common/events/kafka-client.ts";
import { createKafkaPublisher } from "../../services/common/events/kafka-publisher.ts";
import { toKafkaMessages } from "../../services/common/events/kafka-records.ts";
import { readDeadLetters } from "../../services/common/events/kafka-replay.ts";
import { timelineRecords } from "../../services/common/events/test-event-log.ts";
import { timelineTopic } from "../../services/common/events/topics.ts";
import { newId } from "../../services/common/ids.ts";
import { createLogger } from "../../services/common/logger.ts";
import { noKafka, sharedKafka } from "../kafka.ts";
import { preparedKafka } from "./environment.ts";
import { startTestLog } from "./test-log.ts";

const patience = { timeout: 60_000, interval: 50 };
const logger = createLogger({ level: "silent", pretty: false });

describe.skipIf(noKafka)("records as the cluster keeps them", { timeout: 120_000 }, () => {
  beforeAll(sharedKafka);

  test("come as bytes to who asks for them; what turns out to be no message is a dead letter", async () => {
    const config = await preparedKafka((await sharedKafka()).url);
    const { log, start } = startTestLog(config);
    const passed: { bytes: Buffer; fields: readonly number[] }[] = [];
    const messages: unknown[] = [];
    const decoded: number[] = [];
    log.subscribe(
      timelineTopic,
      "bytes",
      (batch) => {
        // Who doesn't look into a record passes it on, whatever is in it.
        const asked = batch.filter(({ number }) => number !== 3).map(({ message }) => message);
        messages.push(...asked);
        for (const { encoded } of batch) passed.push({ ...encoded!, bytes: Buffer.from(encoded!.bytes) });
      },
      { encoded: true },
    );
    log.subscribe(timelineTopic, "messages", (batch) => {
      expect(batch.every(({ encoded }) => encoded === undefined)).toBe(true);
      decoded.push(...batch.map(({ number }) => Number(number)));
    });
    await start();

    const records = timelineRecords(newId(), 1, 5);
    const values = records.map(({ message }) => Buffer.from(toBinary(timelineTopic.schema, message)));
    values[1] = Buffer.from([0x0a, 0xff, 0x01]);
    // A post whose client id is longer than the post.
    for (const at of [2, 3]) values[at] = Buffer.from([0x2a, 0x02, 0x0a, 0xff]);
    const publisher = createKafkaPublisher({ kafka: createKafkaClient(config, logger), logger });
    await publisher.publish(
      config.prefix + timelineTopic.name,
      toKafkaMessages(timelineTopic, records).map((record, at) => ({ ...record, value: values[at]! })),
    );
    await vi.waitFor(() => expect(decoded).toEqual([1, 5]), patience);
    await vi.waitFor(() => expect(passed).toHaveLength(3), patience);
    expect(passed.map(({ bytes }) => bytes)).toEqual([values[0], values[2], values[4]]);
    expect(passed.map(({ fields }) => fields)).toEqual([[1, 2], [5], [1, 2]]);
    expect(messages).toEqual([records[0]?.message, records[4]?.message]);

    await vi.waitFor(async () => {
      const letters = await readDeadLetters({ config, logger }, timelineTopic);
      const told = letters.map(({ group, number, reason }) => `${group} ${number} ${reason}`).sort();
      expect(told).toEqual([
        "bytes 2 UnreadableRecordError: its value can't be decoded",
        "bytes 4 UnprocessableRecordError: its value can't be decoded",
        "messages 2 UnreadableRecordError: its value can't be decoded",
        "messages 3 UnreadableRecordError: its value can't be decoded",
        "messages 4 UnreadableRecordError: its value can't be decoded",
      ]);
    }, patience);
    await publisher.close(1_000);
    await log.close();
  });
});
