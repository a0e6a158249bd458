import { createRequire } from "node:module";
import { gzipSync } from "node:zlib";
import type { Message } from "kafkajs";
import { beforeAll, expect, test, vi } from "vitest";
import { KafkaBytes } from "./kafka-bytes.ts";
import { mendKafkaJs } from "./kafka-library.ts";
import { encodeProduceRequest, type ProduceRequest } from "./kafka-produce-request.ts";
import {
  createComparison,
  createFetchedReader,
  fetchedBytes,
  type ReadFetched,
  recordBatch,
} from "./test-record-batch.ts";

type CreateRequest = (request: object) => { encode(): Promise<{ buffer: Buffer }> };

const load = createRequire(import.meta.url);
const requests = "kafkajs/src/protocol/requests/produce";
/** What KafkaJS' producer says of itself when it is neither idempotent nor in a transaction. */
const plain = { transactionalId: undefined, producerId: -1, producerEpoch: 0, compression: 0 };
const now = 1_764_190_000_000;
const topic = "parley.timeline.v1";
/** Before the topic's name are 14 bytes, behind it 12 up to the first batch, in which the first time is at 27. */
const firstTimeAt = 14 + topic.length + 12 + 27;

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
  const long = { key: "ü", value: "ü".repeat(100), headers: { é: "ü" } };
  // It begins with 16 KiB, which end somewhere in the first of these records or the second.
  for (let size = 15_900; size < 16_400; size++) {
    const request = requestOf([{ ...long, value: Buffer.alloc(size, 1) }, long]);
    expect(encodeProduceRequest(request).equals(await byKafkaJs(request)), `${size} bytes`).toBe(true);
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

test("KafkaJS decodes what brokers answer to fetches without its own decoder", async () => {
  const { decode } = load("kafkajs/src/protocol/requests/fetch/v11/response");
  const Decoder = load("kafkajs/src/protocol/decoder");
  const readTime = vi.spyOn(Decoder.prototype, "readVarLong");
  const answer = new KafkaBytes();
  // Throttling, error and session, then a topic with a partition: number, error, three offsets, nothing aborted, replica.
  answer.int32(0);
  answer.int16(0);
  answer.int32(0);
  answer.int32(1);
  answer.int16(topic.length);
  answer.text(topic);
  answer.int32(1);
  answer.int32(4);
  answer.int16(0);
  for (let i = 0; i < 3; i++) answer.int64(9);
  answer.int32(-1);
  answer.int32(-1);
  const batch = recordBatch({ records: [{ key: "room", value, headers: [["epoch", "1"]] }] });
  answer.sized(() => {
    for (const byte of batch) answer.int8((byte << 24) >> 24);
  });
  const { responses } = await decode(answer.bytes());
  expect(responses[0].partitions[0]).toMatchObject({
    partition: 4,
    messages: [{ offset: "7", key: Buffer.from("room"), value, headers: { epoch: Buffer.from("1") } }],
  });
  expect(readTime).not.toHaveBeenCalled();
  readTime.mockRestore();
});

/** By KafkaJS as it is mended. */
const read: ReadFetched = (fetched) => createFetchedReader({ anew: false })(fetched);

/** Of one record. */
function gzippedBatch(plain: Buffer): Buffer {
  return recordBatch({ raw: gzipSync(plain.subarray(61)), count: 1, attributes: 1 });
}

test.each([1_001, 2 ** 20, 2 ** 30])(
  "%i headers that aren't there are an error, soon",
  async (headerCount) => {
    const plain = recordBatch({ records: [{ headers: [["a", "1"]], headerCount }] });
    expect(await read(fetchedBytes(plain))).toContain(`can't have ${headerCount} headers`);
    const gzipped = gzippedBatch(plain);
    expect(await read(fetchedBytes(gzipped))).toContain(`can't have ${headerCount} headers`);
  },
);

test("a thousand headers that aren't there are what KafkaJS makes up", async () => {
  const headers = [["a", "1"]] as const;
  const same = createComparison(read, createFetchedReader({ anew: true }));
  await same(fetchedBytes(recordBatch({ records: [{ headers, headerCount: 1_000 }] })));
});

test("many headers that are there are read, compressed or not", async () => {
  const headers = Array.from({ length: 2_000 }, (_, i) => [`${i}`, null] as const);
  const plain = recordBatch({ records: [{ headers }] });
  const gzipped = gzippedBatch(plain);
  const [first, second] = JSON.parse(await read(fetchedBytes(plain, gzipped)));
  expect(Object.keys(first.headers)).toHaveLength(2_000);
  expect(second.headers).toEqual(first.headers);
});
