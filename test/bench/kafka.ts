/**
 * `node test/bench/kafka.ts`: the event log on one Kafka broker of this machine, without the product around it: how long
 * a record takes from `publish` to its group's handler, at a steady rate, and how many pass when all that may is under
 * way. PARLEY_TEST_KAFKA_URL names other brokers.
 */
import { create } from "@bufbuild/protobuf";
import { TimelineEventSchema } from "#gen/parley/message/v1/timeline_pb.js";
import type { EventLog, EventRecord } from "../../services/common/events/event-log.ts";
import { createKafkaEventLog } from "../../services/common/events/kafka.ts";
import type { KafkaConfig } from "../../services/common/events/kafka-config.ts";
import { createTopics } from "../../services/common/events/kafka-topics.ts";
import { timelineTopic } from "../../services/common/events/topics.ts";
import { newId } from "../../services/common/ids.ts";
import { createLogger } from "../../services/common/logger.ts";
import { startTestBroker } from "../kafka/test-broker.ts";

const seconds = 8;
const text = "x".repeat(200);
const keys = Array.from({ length: 200 }, newId);

const broker = await startTestBroker();
const logger = createLogger({ level: "error", pretty: false });
const config: KafkaConfig = {
  kind: "kafka",
  brokers: broker.access.url.replace("kafka://", "").split(","),
  tls: undefined,
  sasl: undefined,
  prefix: `bench-${newId()}.`,
  topics: { partitions: 8, replication: 1, minInSyncReplicas: 1, retentionMs: 86_400_000 },
};
await createTopics(config, logger);
const log = createKafkaEventLog({ config, logger });
let latencies: number[] = [];
let number = 0;
const ready = Promise.withResolvers<void>();
log.subscribe(
  timelineTopic,
  "bench",
  (batch) => {
    const now = performance.now();
    for (const { headers } of batch) latencies.push(now - Number(headers?.at));
  },
  { rebalanced: ready.resolve },
);
void log.run(new AbortController().signal);
await ready.promise;
await measure("warm-up", (until) => steadily(log, 1_000, until));
for (const rate of [100, 1_000, 5_000]) await measure(`${rate}/s`, (until) => steadily(log, rate, until));
await measure("10,000 under way", (until) => closedLoop(log, 10_000, 100, until));
await log.close();
await broker.stop();

function record(): EventRecord<ReturnType<typeof event>> {
  number += 1;
  const key = keys[number % keys.length]!;
  return { key, number, message: event(key), headers: { at: String(performance.now()) } };
}

function event(roomId: string) {
  const value = { clientId: "c", text };
  return create(TimelineEventSchema, { roomId, seq: BigInt(number), body: { case: "messagePosted", value } });
}

/** One record a publication, as a quiet service has them. */
async function steadily({ publish }: EventLog, rate: number, until: number): Promise<void> {
  const under: Promise<void>[] = [];
  const began = performance.now();
  for (let sent = 0; performance.now() < until; ) {
    const due = ((performance.now() - began) / 1000) * rate;
    for (; sent < due; sent++) under.push(publish(timelineTopic, [record()]));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(under);
}

/** As many as the outbox allows, in commits of a hundred. */
async function closedLoop(
  { publish }: EventLog,
  underWay: number,
  size: number,
  until: number,
): Promise<void> {
  const loop = async () => {
    while (performance.now() < until) await publish(timelineTopic, Array.from({ length: size }, record));
  };
  await Promise.all(Array.from({ length: underWay / size }, loop));
}

async function measure(name: string, load: (until: number) => Promise<void>): Promise<void> {
  const first = number;
  latencies = [];
  const cpu = process.cpuUsage();
  const began = performance.now();
  await load(began + seconds * 1000);
  const count = number - first;
  while (latencies.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
  const took = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const sorted = latencies.toSorted((a, b) => a - b);
  const at = (part: number) => `${sorted[Math.floor((sorted.length - 1) * part)]?.toFixed(1)} ms`;
  const each = `${((user + system) / count).toFixed(0)} us of CPU`;
  console.log(`${name}: ${Math.round(count / took)}/s, p50 ${at(0.5)}, p99 ${at(0.99)}, ${each} each`);
}
