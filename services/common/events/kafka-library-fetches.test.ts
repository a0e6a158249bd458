import { createRequire } from "node:module";
import { gzipSync } from "node:zlib";
import { expect, test, vi } from "vitest";
import { KafkaBytes } from "./kafka-bytes.ts";
import { createReaders, fetchedBytes, recordBatch } from "./test-record-batch.ts";

const load = createRequire(import.meta.url);
const topic = "parley.timeline.v1";
const value = Buffer.from("text");

test("KafkaJS decodes what brokers answer to fetches without its own decoder", async () => {
  const { decode } = load("kafkajs/src/protocol/requests/fetch/v11/response");
  const Decoder = load("kafkajs/src/protocol/decoder");
  const readTime = vi.spyOn(Decoder.prototype, "readVarLong");
  const answer = new KafkaBytes(1_024);
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

const { read, same } = createReaders();

/** Of one record. */
function gzippedBatch(plain: Buffer): Buffer {
  return recordBatch({ raw: gzipSync(plain.subarray(61)), count: 1, attributes: 1 });
}

test.each([1_001, 2 ** 20, 2 ** 30])(
  "%i headers that aren't there are an error, soon",
  async (headerCount) => {
    const plain = recordBatch({ records: [{ headers: [["a", "1"]], headerCount }] });
    expect(await read(fetchedBytes(plain))).toContain(`${headerCount} headers can't be`);
    const gzipped = gzippedBatch(plain);
    expect(await read(fetchedBytes(gzipped))).toContain(`${headerCount} headers can't be`);
  },
);

test("a long value is no room for headers", async () => {
  const plain = recordBatch({
    records: [{ value: Buffer.alloc(40_000), headers: [["a", "1"]], headerCount: 40_000 }],
  });
  expect(await read(fetchedBytes(plain))).toContain("40000 headers can't be");
});

test("a thousand headers that aren't there are what KafkaJS makes up", async () => {
  const headers = [["a", "1"]] as const;
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
