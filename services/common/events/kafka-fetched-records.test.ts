import { createRequire } from "node:module";
import { gzipSync } from "node:zlib";
import { expect, test, vi } from "vitest";
import { createRecordBatchDecoder } from "./kafka-fetched-records.ts";
import {
  type BatchSpec,
  createReaders,
  fetchedBytes,
  type RecordSpec,
  recordBatch,
} from "./test-record-batch.ts";

const value = Buffer.from("what was said");
const maxSafe = BigInt(Number.MAX_SAFE_INTEGER);
/** Of `same`: values, their order and places in memory, or the error. */
const { read, same } = createReaders();

const one = (record: RecordSpec): BatchSpec => ({ records: [record] });

const plain: [string, BatchSpec][] = [
  ["no records", {}],
  ["an array of none, as null", { count: -1 }],
  ["one record", one({})],
  [
    "no key, no value and none of their bytes",
    {
      records: [
        { key: null, value: null },
        { key: "", value: "" },
      ],
    },
  ],
  ["what is set of records, batches and producers", { ...one({ attributes: -1 }), producerId: maxSafe + 2n }],
  ["a transaction", { ...one({}), attributes: 0x10, producerId: 70n }],
  ["times set by the broker", { records: [{ time: -1 }, {}], attributes: 8, maxTime: 2n ** 62n + 1n }],
  ["the first offset and time", { ...one({}), firstOffset: 0n, firstTime: 0n }],
  ["no time", { ...one({}), firstTime: -1n }],
  [
    "times before and far behind the first",
    { records: [{ time: -5_000 }, { time: 2 ** 48 - 1 }, { time: -(2 ** 48) }] },
  ],
  [
    "offsets with gaps",
    { records: [{ offset: 0 }, { offset: 63 }, { offset: 64 }, { offset: 2 ** 31 - 1 }] },
  ],
  [
    "the last safe offset and time",
    { records: [{}, {}], firstOffset: maxSafe - 1n, firstTime: maxSafe - 1n },
  ],
  ["the least safe offset", { ...one({}), firstOffset: -maxSafe }],
  [
    "headers",
    one({
      headers: [
        ["epoch", "1"],
        ["none", null],
        ["empty", ""],
        ["", "of no name"],
      ],
    }),
  ],
  [
    "two hundred headers",
    one({ headers: Array.from({ length: 200 }, (_, i) => [`header-${i}`, `${i}`] as const) }),
  ],
  [
    "headers of one name",
    one({
      headers: [
        ["a", "1"],
        ["b", null],
        ["a", null],
        ["b", "2"],
        ["a", "3"],
        ["b", null],
      ],
    }),
  ],
  [
    "names that are numbers",
    one({
      headers: [
        ["b", "1"],
        ["2", "2"],
        ["1", "3"],
        ["2", "4"],
      ],
    }),
  ],
  [
    "names that objects have",
    one({
      headers: [
        ["toString", "1"],
        ["constructor", "2"],
        ["toString", "3"],
      ],
    }),
  ],
  [
    "names beyond ASCII",
    one({
      headers: [
        ["größe", "1"],
        ["🙂", "2"],
        ["\ud800", "3"],
      ],
    }),
  ],
  [
    "names of other records' places",
    {
      records: [
        {
          headers: [
            ["Ã", "1"],
            ["same", "2"],
          ],
        },
        {
          headers: [
            [Buffer.of(0xc3), "1"],
            ["some", "2"],
          ],
        },
        {
          headers: [
            [Buffer.of(0xff), "1"],
            ["same-as", "2"],
          ],
        },
        {
          headers: [
            ["\u0000", "1"],
            ["sam", "2"],
          ],
        },
      ],
    },
  ],
  ["more in a record than is known", { records: [{ more: value }, {}] }],
  [
    "lengths of one to three bytes",
    { records: [63, 64, 8_191, 8_192, 40_000].map((n) => ({ value: Buffer.alloc(n, 1) })) },
  ],
  ["more than a hundred records", { records: Array.from({ length: 300 }, (_, i) => ({ key: `${i}` })) }],
];

test.each(plain)("%s: as KafkaJS has it, without its help", async (_, spec) => {
  const batch = recordBatch(spec);
  expect(createRecordBatchDecoder()(batch, 0)?.end).toBe(batch.length);
  expect(await same(fetchedBytes(batch, batch))).toMatch(/^\[/);
});

const records = recordBatch({ records: [{}, {}] }).subarray(61);
const strange: [string, BatchSpec][] = [
  ["compression", { raw: gzipSync(records), count: 2, attributes: 1 }],
  ["compression that isn't known", { ...one({}), attributes: 2 }],
  ["compression that doesn't exist", { ...one({}), attributes: 7 }],
  ["control", { ...one({ key: Buffer.of(0, 0, 0, 1) }), attributes: 0x30 }],
  ["the older formats", { ...one({}), magic: 1 }],
  ["offsets beyond 2^53", { records: [{}, {}], firstOffset: maxSafe + 3n }],
  ["offsets that come to be beyond 2^53", { records: [{}, {}], firstOffset: maxSafe }],
  ["the last offset there is", { ...one({}), firstOffset: 2n ** 63n - 1n }],
  ["times beyond 2^53", { records: [{ time: -5 }], firstTime: maxSafe + 2n }],
  ["times far from the first", one({ time: 2 ** 52 })],
  ["a number of less than no records", { ...one({}), count: -2 }],
  ["more records than are there", { ...one({}), count: 3 }],
  ["billions of records", { ...one({}), count: 2 ** 31 - 1 }],
  [
    "a header that is an object's prototype",
    one({
      headers: [
        ["__proto__", "1"],
        ["a", "2"],
      ],
    }),
  ],
  ["a header without a name", one({ headers: [[null, "1"]] })],
  ["less than no headers", one({ headerCount: -2 })],
  ["no headers, as null", one({ headerCount: -1, more: Buffer.of(0xff, 0xff) })],
  ["more headers than are there", one({ headers: [["a", "1"]], headerCount: 3 })],
  ["a record of nothing", one({ raw: Buffer.of() })],
  ["a record that is null", { raw: Buffer.of(1), count: 1 }],
  ["a record of a negative length", { raw: Buffer.of(3, 0, 0, 0), count: 1 }],
  [
    "a record of a length that reaches back behind the beginning",
    { raw: Buffer.of(0xff, 1, 0, 0), count: 1 },
  ],
  ["a record that is longer than the batch", { raw: Buffer.of(20, 0, 0, 0, 1, 1, 0), count: 1 }],
  ["a key of a negative length", one({ raw: Buffer.of(0, 0, 0, 3, 2, 65, 0, 0) })],
  ["a value that is longer than the record", one({ raw: Buffer.of(0, 0, 0, 1, 60, 65, 0) })],
  [
    "a header's value that is longer than the record",
    one({ raw: Buffer.of(0, 0, 0, 1, 1, 2, 2, 65, 60, 65) }),
  ],
  ["a varint of six bytes", one({ raw: Buffer.of(0, 0, 0x82, 0x80, 0x80, 0x80, 0x80, 0, 1, 1, 0) })],
  ["a varint without an end", { raw: Buffer.alloc(40, 0xff), count: 1 }],
  [
    "a time of eleven bytes",
    one({ raw: Buffer.concat([Buffer.of(0), Buffer.alloc(10, 0xff), Buffer.of(0, 0, 1, 1, 0)]) }),
  ],
];

test.each(strange)("%s: KafkaJS' to judge", async (name, spec) => {
  const batch = recordBatch(spec);
  if (name !== "no headers, as null") expect(createRecordBatchDecoder()(batch, 0)).toBeUndefined();
  // Others follow, which are there for what reads too far.
  await same(fetchedBytes(batch));
  await same(fetchedBytes(batch, recordBatch(one({}))));
});

test("after what KafkaJS has to judge, the other batches are read without its help", async () => {
  const Decoder = createRequire(import.meta.url)("kafkajs/src/protocol/decoder");
  const readTime = vi.spyOn(Decoder.prototype, "readVarLong");
  const batch = recordBatch({ records: [{}, {}, {}] });
  const gzipped = recordBatch({ raw: gzipSync(records), count: 2, attributes: 1 });
  expect(JSON.parse(await read(fetchedBytes(batch, gzipped, batch)))).toHaveLength(8);
  expect(readTime).toHaveBeenCalledTimes(2);
  readTime.mockRestore();
});

test("hundreds of thousands of headers of one name, each of which KafkaJS copies for each, are soon read", async () => {
  const headers = Array.from({ length: 200_000 }, () => ["", null] as const);
  const [record] = createRecordBatchDecoder()(recordBatch(one({ headers })), 0)!.batch.records;
  expect(record!.headers[""]).toHaveLength(200_000);
});
