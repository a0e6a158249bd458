import { createRequire } from "node:module";
import type { Message } from "kafkajs";
import { expect, test } from "vitest";
import "./kafka-library.ts";
import { encodeProduceRequest, type ProduceRequest } from "./kafka-produce-request.ts";

type CreateRequest = (request: object) => { encode(): Promise<{ buffer: Buffer }> };

const load = createRequire(import.meta.url);
const requests = "kafkajs/src/protocol/requests/produce";
/** What KafkaJS' producer says of itself when it is neither idempotent nor in a transaction. */
const plain = { transactionalId: undefined, producerId: -1, producerEpoch: 0, compression: 0 };
const now = 1_764_190_000_000;
const topic = "parley.timeline.v1";
/** Before the topic's name are 14 bytes, behind it 12 up to the first batch, in which the first time is at 27. */
const firstTimeAt = 14 + topic.length + 12 + 27;

/** A module of KafkaJS as it is on the disk. */
function loadUnmended(module: string): unknown {
  const file = load.resolve(module);
  const mended = load.cache[file];
  delete load.cache[file];
  const unmended = load(file);
  load.cache[file] = mended;
  return unmended;
}

async function byKafkaJs(request: ProduceRequest): Promise<Buffer> {
  const create = loadUnmended(`${requests}/v3/request`) as CreateRequest;
  return (await create({ ...plain, ...request }).encode()).buffer;
}

function requestOf(...partitions: Message[][]): ProduceRequest {
  const told = partitions.map((messages, partition) => ({
    partition: String(partition),
    messages: messages.map((message) => ({ timestamp: String(now), ...message })),
  }));
  return { acks: -1, timeout: 5_000, topicData: [{ topic, partitions: told }] };
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
    "records of other times, the first in the middle",
    requestOf([
      { value, timestamp: String(now) },
      { value, timestamp: String(now - 70) },
      { value, timestamp: String(now + 9_000_000_000) },
      { value, timestamp: String(now + 1) },
    ]),
  ],
  ["half a pair of surrogates", requestOf([{ key: "\ud800", value: "\udc00".repeat(100) }])],
  [
    "a record of over a mebibyte",
    requestOf([{ key: "a", value: Buffer.alloc(1_100_000, 1), headers: { b: "c" } }]),
  ],
  ["acks by the leader alone", { ...requestOf([{ key: "a", value }]), acks: 1 }],
  ["more than a hundred records", requestOf(Array.from({ length: 300 }, (_, i) => ({ key: `${i}`, value })))],
];

test.each(requestsToEncode)("%s: the same bytes as KafkaJS makes", async (_, request) => {
  expect(encodeProduceRequest(request)).toEqual(await byKafkaJs(request));
});

test("wherever the buffer has to grow, the bytes are the same", async () => {
  // Headers for which there is about enough room: it ends in one of them, or in the batch that follows. Where in it is
  // for the key's length to say, which goes over all that the headers of one round take.
  const some = [
    ["é", "ü".repeat(9)],
    ["header", "a text of some length"],
    ["bytes", Buffer.of(1, 2, 3, 4)],
    ["", ""],
  ] as const;
  const last = { key: "ü", value, headers: { one: "1" } };
  for (let count = 32; count <= 56; count += some.length) {
    const headers = Object.fromEntries(
      Array.from({ length: count }, (_, i) => {
        const [name, content] = some[i % some.length]!;
        return [`${name}${i}`, content];
      }),
    );
    for (let length = 0; length < 72; length++) {
      const request = requestOf([{ key: "x".repeat(length), value, headers }], [last]);
      const same = encodeProduceRequest(request).equals(await byKafkaJs(request));
      expect(same, `${count} headers, a key of ${length}`).toBe(true);
    }
  }
});

test("a header without a value, which KafkaJS reads and can't write, is written so", () => {
  const headers = { gone: null, "": "" } as unknown as NonNullable<Message["headers"]>;
  const bytes = encodeProduceRequest(requestOf([{ value, headers }]));
  // Two headers: of four letters and null, and twice nothing.
  expect(bytes.subarray(-9)).toEqual(Buffer.from([4, 8, ...Buffer.from("gone"), 1, 0, 0]));
});

test.each(["9223372036854775807", "1764190000000000001", "-1", "soon"])(
  "%s is no time: the record is of now",
  (timestamp) => {
    const bytes = encodeProduceRequest(requestOf([{ value, timestamp }]));
    const [first, last] = [bytes.readBigInt64BE(firstTimeAt), bytes.readBigInt64BE(firstTimeAt + 8)].map(
      Number,
    );
    expect(Math.abs(first! - Date.now())).toBeLessThan(60_000);
    expect(last).toBe(first);
  },
);

test("what is compressed, or of a producer that numbers what it sends, stays KafkaJS'", async () => {
  const create = load(`${requests}/v3/request`) as CreateRequest;
  const request = requestOf([{ key: "room", value }]);
  const numbered = await create({ ...plain, producerId: 7, ...request }).encode();
  const gzipped = await create({ ...plain, compression: 1, ...request }).encode();
  expect(numbered.buffer).not.toEqual(encodeProduceRequest(request));
  expect(numbered.buffer.readBigInt64BE(firstTimeAt + 16)).toBe(7n);
  expect(gzipped.buffer.readInt16BE(firstTimeAt - 6)).toBe(1);
});

test("records without a time are of now", () => {
  const before = Date.now();
  const [{ partitions }] = requestOf([{ value }]).topicData as [ProduceRequest["topicData"][number]];
  const [{ messages }] = partitions as [(typeof partitions)[number]];
  const timeless = messages.map(({ timestamp: _, ...message }) => message);
  const topicData = [{ topic, partitions: [{ partition: 0, messages: timeless }] }];
  const bytes = encodeProduceRequest({ acks: -1, timeout: 1, topicData });
  const first = Number(bytes.readBigInt64BE(firstTimeAt));
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

const grouping = "kafkajs/src/producer/groupMessagesPerPartition";
type Group = (given: object) => Record<string, Message[]>;
const partitions = Array.from({ length: 12 }, (_, partitionId) => ({ partitionId, leader: 1 }));
const byNumber = ({ message: { key } }: { message: Message }) => (Number(key) * 7) % partitions.length;

test.each([0, 1, 5, 300])("%i records: grouped by partition as KafkaJS does it", (count) => {
  const messages = Array.from({ length: count }, (_, i) => ({ key: String(i), value }));
  const given = { topic, partitionMetadata: partitions, messages, partitioner: byNumber };
  const groups = (load(grouping) as Group)(given);
  const theirs = (loadUnmended(grouping) as Group)(given);
  expect(groups).toEqual(theirs);
  expect(Object.keys(groups)).toEqual(Object.keys(theirs));
  expect((load(grouping) as Group)({ ...given, partitionMetadata: [] })).toEqual({});
});

test("KafkaJS' producer groups with it", async () => {
  // With which KafkaJS' own begins.
  const reduce = () => {
    throw new Error("grouped by KafkaJS");
  };
  const messages = Object.assign([{ key: "1", value }], { reduce });
  const produced: ProduceRequest[] = [];
  const broker = { nodeId: 1, produce: async (request: ProduceRequest) => void produced.push(request) };
  const cluster = {
    addMultipleTargetTopics: async () => {},
    refreshMetadataIfNecessary: async () => {},
    findTopicPartitionMetadata: () => partitions,
    findLeaderForPartitions: (_: string, found: string[]) => ({ 1: found }),
    findBroker: async () => broker,
  };
  const eosManager = new Proxy({}, { get: () => () => false });
  const retrier = (work: () => unknown) => work();
  const createSend = load("kafkajs/src/producer/sendMessages") as (
    deps: object,
  ) => (batch: object) => Promise<unknown>;
  const send = createSend({ cluster, eosManager, retrier, partitioner: byNumber });
  await send({ acks: 0, topicMessages: [{ topic, messages }] });
  expect(produced[0]!.topicData[0]!.partitions).toMatchObject([{ partition: "7", messages: [{ key: "1" }] }]);
});
