import { createRequire } from "node:module";
import type { Message } from "kafkajs";
import { beforeAll, expect, test } from "vitest";
import { mendKafkaJs } from "./kafka-library.ts";
import { encodeProduceRequest, type ProduceRequest } from "./kafka-produce-request.ts";

type CreateRequest = (request: object) => { encode(): Promise<{ buffer: Buffer }> };

const load = createRequire(import.meta.url);
const requests = "kafkajs/src/protocol/requests/produce";
/** What KafkaJS' producer says of itself when it is neither idempotent nor in a transaction. */
const plain = { transactionalId: undefined, producerId: -1, producerEpoch: 0, compression: 0 };
const now = 1_764_190_000_000;

beforeAll(mendKafkaJs);

/** By KafkaJS as it is on the disk. */
async function byKafkaJs(request: ProduceRequest): Promise<Buffer> {
  const file = load.resolve(`${requests}/v3/request`);
  const mended = load.cache[file];
  delete load.cache[file];
  const create = load(file) as CreateRequest;
  load.cache[file] = mended;
  return (await create({ ...plain, ...request }).encode()).buffer;
}

function requestOf(...partitions: Message[][]): ProduceRequest {
  const told = partitions.map((messages, partition) => ({
    partition: String(partition),
    messages: messages.map((message) => ({ timestamp: String(now), ...message })),
  }));
  return { acks: -1, timeout: 5_000, topicData: [{ topic: "parley.timeline.v1", partitions: told }] };
}

const value = Buffer.from("what was said");
const requestsToEncode: [string, ProduceRequest][] = [
  ["one record", requestOf([{ key: "room", value }])],
  [
    "partitions of several",
    requestOf(
      [
        { key: "a", value },
        { key: "b", value },
      ],
      [{ key: "c", value }],
    ),
  ],
  [
    "several topics",
    {
      ...requestOf([{ key: "a", value }]),
      topicData: [
        ...requestOf([{ key: "a", value }]).topicData,
        ...requestOf([{ key: "b", value }]).topicData,
      ],
    },
  ],
  ["no key, no value and none of their bytes", requestOf([{ value: null }, { key: "", value: "" }])],
  ["a key in bytes, a value as text", requestOf([{ key: Buffer.from([0, 255]), value: "text" }])],
  [
    "headers as text, in bytes and of several values",
    requestOf([
      { key: "a", value, headers: { one: "1", two: Buffer.from([2]), many: ["3", Buffer.from("4")] } },
    ]),
  ],
  [
    "short and long text beyond ASCII",
    requestOf([{ key: "größer", value: "🙂".repeat(100), headers: { é: "ü" } }]),
  ],
  [
    "lengths of one to three bytes",
    requestOf([63, 64, 8_191, 8_192, 40_000].map((n) => ({ value: "x".repeat(n) }))),
  ],
  [
    "records of other times",
    requestOf([
      { value, timestamp: String(now) },
      { value, timestamp: String(now + 70) },
      { value, timestamp: String(now + 9_000_000_000) },
    ]),
  ],
  ["more than a hundred records", requestOf(Array.from({ length: 300 }, (_, i) => ({ key: `${i}`, value })))],
];

test.each(requestsToEncode)("%s: the same bytes as KafkaJS makes", async (_, request) => {
  expect(encodeProduceRequest(request)).toEqual(await byKafkaJs(request));
});

test("records without a time are of now", () => {
  const before = Date.now();
  const [{ partitions }] = requestOf([{ value }]).topicData as [ProduceRequest["topicData"][number]];
  const [{ messages }] = partitions as [(typeof partitions)[number]];
  const timeless = messages.map(({ timestamp: _, ...message }) => message);
  const topicData = [{ topic: "t", partitions: [{ partition: 0, messages: timeless }] }];
  const bytes = encodeProduceRequest({ acks: -1, timeout: 1, topicData });
  // Before the topic 12 bytes, 3 of it, 12 up to the batch, in which the first time is at 27.
  const first = Number(bytes.readBigInt64BE(12 + 3 + 12 + 27));
  expect(first).toBeGreaterThanOrEqual(before);
  expect(first).toBeLessThanOrEqual(Date.now());
});

test("KafkaJS uses it in the version that brokers take", async () => {
  const request = requestOf([{ key: "room", value, headers: { epoch: "1" } }]);
  const create = load(`${requests}/v7/request`) as CreateRequest;
  const encoded = await create({ ...plain, ...request }).encode();
  expect(encoded.buffer).toEqual(encodeProduceRequest(request));
  expect(encoded).toEqual({ buf: encoded.buffer, buffer: encoded.buffer });
});
