import { expect, test } from "vitest";
import { createRecordBatchDecoder } from "./kafka-fetched-records.ts";
import {
  type BatchSpec,
  createReaders,
  fetchedBytes,
  type RecordSpec,
  recordBatch,
} from "./test-record-batch.ts";

const { read, same } = createReaders();

/** mulberry32: small, and the same everywhere. */
function createRandom(seed: number) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (n: number) => Math.floor(next() * n);
  const oneOf = <T>(values: readonly T[]): T => values[below(values.length)]!;
  const bytes = (most: number) => Buffer.from(Array.from({ length: below(most + 1) }, () => below(256)));
  /** Of any size, most of them small. */
  const integer = (bits: number) => Math.floor(next() * 2 ** below(bits + 1)) * oneOf([1, 1, -1]);
  return { below, oneOf, bytes, integer };
}

type Random = ReturnType<typeof createRandom>;

const names = ["event-id", "event-number", "epoch", "größe", "toString", "1", ""];

function randomRecord({ below, oneOf, bytes, integer }: Random): RecordSpec {
  const content = () => oneOf([null, "", "text", "größer", bytes(20), Buffer.alloc(below(9_000), 1)]);
  return {
    attributes: oneOf([0, -128, 127]),
    time: integer(48),
    offset: Math.abs(integer(31)),
    key: content(),
    value: content(),
    headers: Array.from({ length: oneOf([0, 2, below(9)]) }, () => [oneOf([...names, bytes(9)]), content()]),
    more: oneOf([Buffer.of(), bytes(5)]),
  };
}

function randomBatch(random: Random): BatchSpec {
  const { below, oneOf, integer } = random;
  const large = () => BigInt(integer(52));
  return {
    firstOffset: large(),
    firstTime: large(),
    maxTime: large() * 1_024n,
    producerId: large() * 1_024n,
    attributes: oneOf([0, 0x8, 0x10, 0x18]),
    records: Array.from({ length: below(8) }, () => randomRecord(random)),
  };
}

test("random batches: as KafkaJS has them, without its help", async () => {
  const random = createRandom(1);
  const decode = createRecordBatchDecoder();
  for (let run = 0; run < 300; run++) {
    const batches = Array.from({ length: 1 + random.below(3) }, () => recordBatch(randomBatch(random)));
    for (const batch of batches) expect(decode(batch, 0)?.end).toBe(batch.length);
    await same(fetchedBytes(...batches));
  }
});

const several = () =>
  [
    { records: [{ headers: [["epoch", "1"] as const] }, { key: null }] },
    { records: [{ value: Buffer.alloc(70) }], attributes: 0x18 },
    { records: [{ headers: [["epoch", "2"] as const] }] },
  ].map(recordBatch);

test("a fetch that is cut off anywhere: what KafkaJS has of it", async () => {
  const batches = several();
  const whole = Buffer.concat(batches);
  const numbers = new Set<number>();
  for (let length = 17; length <= whole.length; length++) {
    const answer = await same(fetchedBytes(whole.subarray(0, length)));
    numbers.add(JSON.parse(answer).length);
  }
  expect(numbers).toEqual(new Set([0, 2, 3, 4]));
  // Told longer than it is.
  for (let length = 0; length < whole.length; length++)
    expect(await same(fetchedBytes(whole).subarray(0, 4 + length))).toBe("[]");
});

test("a batch that is cut off anywhere, and says so: what KafkaJS has of it", async () => {
  for (const batch of several()) {
    for (let length = 12; length < batch.length; length++) {
      const cut = Buffer.from(batch.subarray(0, length));
      cut.writeInt32BE(length - 12, 8);
      await same(fetchedBytes(cut, batch));
    }
  }
});

test("bytes that are others than they were: what KafkaJS has of it, be it an error", async () => {
  const random = createRandom(2);
  const outcomes = { records: 0, errors: 0 };
  for (let run = 0; run < 1_500; run++) {
    const batches = several();
    const fetched = fetchedBytes(...batches);
    // The numbers of records: for millions KafkaJS first makes room, which takes long and proves nothing.
    const begins = batches.map((_, i) => fetchedBytes(...batches.slice(0, i)).length);
    const counts = new Set(begins.flatMap((begin) => [begin + 57, begin + 58]));
    for (let changes = 1 + random.below(3); changes > 0; changes--) {
      // Behind the size, mostly in what the records are made of.
      const at = 4 + random.oneOf([random.below(fetched.length - 4), 61 + random.below(40)]);
      if (!counts.has(at)) fetched[at] = random.oneOf([0, 1, 0x7f, 0x80, 0xff, random.below(256)]);
    }
    const answer = await read(fetched);
    // KafkaJS would make them up.
    if (answer.includes("can't have")) continue;
    expect(await same(fetched)).toBe(answer);
    if (answer.startsWith("[")) outcomes.records += 1;
    else outcomes.errors += 1;
  }
  expect(outcomes.records).toBeGreaterThan(100);
  expect(outcomes.errors).toBeGreaterThan(100);
});

test("noise in place of records: what KafkaJS has of it", async () => {
  const random = createRandom(3);
  for (let run = 0; run < 500; run++) {
    const records = Array.from({ length: 1 + random.below(3) }, () => ({ raw: random.bytes(12) }));
    const fetched = fetchedBytes(recordBatch({ records }));
    if (!(await read(fetched)).includes("can't have")) await same(fetched);
  }
});
