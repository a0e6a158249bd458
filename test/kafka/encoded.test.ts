import { create, toBinary } from "@bufbuild/protobuf";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import {
  DeliveryService,
  type WatchRequest,
  WatchRequestSchema,
  type WatchResponse,
} from "#gen/parley/internal/v1/delivery_service_pb.js";
import { createAsyncQueue } from "../../services/common/async-queue.ts";
import { createKafkaClient } from "../../services/common/events/kafka-client.ts";
import { createKafkaPublisher } from "../../services/common/events/kafka-publisher.ts";
import { toKafkaMessages } from "../../services/common/events/kafka-records.ts";
import { readDeadLetters } from "../../services/common/events/kafka-replay.ts";
import { timelineRecords } from "../../services/common/events/test-event-log.ts";
import { timelineTopic } from "../../services/common/events/topics.ts";
import { newId } from "../../services/common/ids.ts";
import { createLogger } from "../../services/common/logger.ts";
import { createLocalRpc } from "../../services/common/rpc/local.ts";
import { startVerifier } from "../../services/common/test-verifier.ts";
import { createValidator } from "../../services/common/validation.ts";
import { readDeliveryConfig } from "../../services/delivery/config.ts";
import { startDelivery } from "../../services/delivery/service.ts";
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

  test("are passed on by Delivery without a look inside, but at joins", async () => {
    const config = await preparedKafka((await sharedKafka()).url);
    const { log, start } = startTestLog(config);
    const rpc = createLocalRpc({ logger });
    const { verifier } = startVerifier();
    const deps = { logger, rpc, events: log, validator: createValidator(), verifier };
    const delivery = await startDelivery(readDeliveryConfig(), deps);
    onTestFinished(() => delivery.close());
    const roomId = newId();
    const requests = createAsyncQueue<WatchRequest>(10);
    const responses = rpc.client(DeliveryService).watch(requests)[Symbol.asyncIterator]();
    requests.push(create(WatchRequestSchema, { ref: 1n, addRooms: [roomId] }));
    expect((await responses.next()).value?.acknowledgedRef).toBe(1n);
    await start();

    const publisher = createKafkaPublisher({ kafka: createKafkaClient(config, logger), logger });
    // A post whose client id is longer than the post: who decoded it would find it unreadable.
    const broken = Buffer.from([0x2a, 0x02, 0x0a, 0xff]);
    const [record] = toKafkaMessages(timelineTopic, timelineRecords(roomId, 1, 1));
    await publisher.publish(config.prefix + timelineTopic.name, [{ ...record!, value: broken }]);
    let passedOn: WatchResponse | undefined;
    while (!passedOn?.$unknown) passedOn = (await responses.next()).value as WatchResponse;
    expect(passedOn.$unknown).toEqual([{ no: 2, wireType: 2, data: new Uint8Array([4, ...broken]) }]);
    requests.end();
    await publisher.close(1_000);
    await log.close();
  });
});
