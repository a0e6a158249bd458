import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { kafkajs } from "./kafka-library.ts";
import { createKafkaPartitioner } from "./kafka-partitioner.ts";

const partitions = Array.from({ length: 12 }, (_, partitionId) => ({ partitionId, leader: 1 }));
const args = (key: Buffer | string | null) =>
  ({ topic: "t", partitionMetadata: partitions, message: { key, value: null } }) as Parameters<
    ReturnType<typeof createKafkaPartitioner>
  >[0];

test("keys go where Java's client puts them", () => {
  const ours = createKafkaPartitioner();
  const theirs = kafkajs.Partitioners.DefaultPartitioner();
  const keys = ["", "é", "01a2b3c4-d5e6-7f80-91a2-b3c4d5e6f708"];
  const bytes = Array.from({ length: 500 }, (_, i) => randomBytes(i % 41));
  for (const key of [...keys, ...bytes]) expect(ours(args(key))).toBe(theirs(args(key)));
});

test("a record without a key has a place", () => {
  const ours = createKafkaPartitioner();
  expect(ours(args(null))).toBe(ours(args("")));
});
