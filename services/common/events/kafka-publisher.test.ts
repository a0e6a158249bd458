import { setImmediate as nextTurn } from "node:timers/promises";
import type { Kafka, Message, ProducerBatch } from "kafkajs";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { createKafkaPublisher } from "./kafka-publisher.ts";

/** A publisher whose requests are noted, and answered when the test says so. */
function setUp() {
  const requests: { startedAt: number; messages: number; answer(): void }[] = [];
  const producer = {
    connect: async () => {},
    disconnect: async () => {},
    sendBatch({ topicMessages = [] }: ProducerBatch) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const messages = topicMessages.reduce((sum, each) => sum + each.messages.length, 0);
      requests.push({ startedAt: performance.now(), messages, answer: resolve });
      return promise;
    },
  };
  const kafka = { producer: () => producer } as unknown as Kafka;
  const publisher = createKafkaPublisher({ kafka, logger: pino({ level: "silent" }) });
  onTestFinished(() => publisher.close(0));
  const publish = (count: number) =>
    publisher.publish("topic", Array<Message>(count).fill({ key: "key", value: Buffer.of(1) }));
  /** Once the request is there. */
  const request = async (index: number) => {
    await expect.poll(() => requests.length, { interval: 1 }).toBeGreaterThan(index);
    return requests[index]!;
  };
  return { publish, request, requests };
}

/** Timers may fire up to a millisecond early. */
const slackMs = 1;

test.each([
  [16, 2],
  [48, 6],
  [400, 10],
])("after a request of %i records that two shared, the next gathers for %i ms", async (records, ms) => {
  const { publish, request } = setUp();
  const shared = [publish(records / 2), publish(records / 2)];
  const first = await request(0);
  expect(first.messages).toBe(records);
  const answeredAt = performance.now();
  first.answer();
  await Promise.all(shared);
  const next = publish(1);
  const second = await request(1);
  expect(second.startedAt - answeredAt).toBeGreaterThanOrEqual(ms - slackMs);
  second.answer();
  await next;
});

test("who publishes alone waits for nobody; what comes meanwhile goes together", async () => {
  const { publish, request, requests } = setUp();
  const alone = publish(100);
  const first = await request(0);
  const others = [publish(1), publish(2), publish(3)];
  first.answer();
  await alone;
  await nextTurn();
  expect(requests.map(({ messages }) => messages)).toEqual([100, 6]);
  (await request(1)).answer();
  await Promise.all(others);
});
