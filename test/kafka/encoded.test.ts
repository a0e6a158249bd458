import { fromBinary, toBinary } from "@bufbuild/protobuf";
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
    const bytes: (Uint8Array | undefined)[] = [];
    const messages: unknown[] = [];
    const decoded: number[] = [];
    log.subscribe(
      timelineTopic,
      "bytes",
      (batch) => {
        // Whoever doesn't look into a record passes it on, whatever it is.
        const seen = batch.map(({ encoded }) => encoded);
        const known = batch.filter(({ number }) => number !== 3).map(({ message }) => message);
        bytes.push(...seen);
        messages.push(...known);
      },
      { encoded: true },
    );
    log.subscribe(timelineTopic, "messages", (batch) => {
      expect(batch.every(({ encoded }) => encoded === undefined)).toBe(true);
      decoded.push(...batch.map(({ number }) => Number(number)));
    });
    await start();

    const records = timelineRecords(newId(), 1, 4);
    const [first, bad, passed, last] = toKafkaMessages(timelineTopic, records);
    const publisher = createKafkaPublisher({ kafka: createKafkaClient(config, logger), logger });
    const broken = Buffer.from([0x0a, 0xff, 0x01]);
    await publisher.publish(config.prefix + timelineTopic.name, [
      first!,
      { ...bad!, value: broken },
      { ...passed!, value: broken },
      last!,
    ]);
    const encoded = records.map(({ message }) => toBinary(timelineTopic.schema, message));
    await vi.waitFor(() => expect(decoded).toEqual([1, 4]), patience);
    await vi.waitFor(() => expect(bytes).toHaveLength(3), patience);
    expect(bytes.map((each) => Buffer.from(each!))).toEqual(
      [encoded[0]!, broken, encoded[3]!].map((each) => Buffer.from(each)),
    );
    expect(messages).toEqual(
      [encoded[0]!, encoded[3]!].map((each) => fromBinary(timelineTopic.schema, each)),
    );

    await vi.waitFor(async () => {
      const letters = await readDeadLetters({ config, logger }, timelineTopic);
      const told = letters.map(({ group, number, reason }) => `${group} ${number} ${reason}`).sort();
      expect(told).toEqual([
        "bytes 2 UnprocessableRecordError: its value can't be decoded",
        "messages 2 UnreadableRecordError: its value can't be decoded",
        "messages 3 UnreadableRecordError: its value can't be decoded",
      ]);
    }, patience);
    await publisher.close(1_000);
    await log.close();
  });
});
