import type { IHeaders, Message } from "kafkajs";
import { type Content, KafkaBytes } from "./kafka-bytes.ts";

/** What a Produce request says, as KafkaJS puts it together. */
export interface ProduceRequest {
  readonly acks: number;
  /** How long the brokers may take, in ms. */
  readonly timeout: number;
  readonly topicData: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      /** KafkaJS has them as keys of an object. */
      readonly partition: number | string;
      readonly messages: readonly Message[];
    }[];
  }[];
}

/**
 * The body of a Produce request of version 3 to 8, of a producer that is neither idempotent nor in a transaction, with
 * uncompressed records of the format that Kafka calls 2: byte for byte what KafkaJS makes, which allocates a buffer for
 * each record, and for each of its headers, and copies each record six times.
 * https://kafka.apache.org/documentation/#recordbatch
 */
export function encodeProduceRequest({ acks, timeout, topicData }: ProduceRequest): Buffer {
  const out = new KafkaBytes(roughSizeOf(topicData));
  const now = Date.now();
  out.int16(-1);
  out.int16(acks);
  out.int32(timeout);
  out.int32(topicData.length);
  for (const { topic, partitions } of topicData) {
    out.int16(Buffer.byteLength(topic));
    out.text(topic);
    out.int32(partitions.length);
    for (const { partition, messages } of partitions) {
      out.int32(Number(partition));
      out.sized(() => writeBatch(out, messages, now));
    }
  }
  return out.bytes();
}

/** What is around the values, mostly: with headers like the event log's a record has 260 bytes, traced 330. */
const framing = { request: 100, partition: 100, record: 340 };

/** So that the buffer seldom grows: each time, all that was written is copied. */
function roughSizeOf(topicData: ProduceRequest["topicData"]): number {
  let size = framing.request;
  for (const { partitions } of topicData)
    for (const { messages } of partitions) {
      size += framing.partition;
      for (const { value } of messages) size += framing.record + (value?.length ?? 0);
    }
  return size;
}

const recordFormat = 2;

function writeBatch(out: KafkaBytes, messages: readonly Message[], now: number): void {
  const times = messages.map(({ timestamp }) => timeOf(timestamp) ?? now);
  const first = times.reduce((least, time) => Math.min(least, time), Number.POSITIVE_INFINITY);
  const last = times.reduce((most, time) => Math.max(most, time), first);
  out.int64(0);
  out.sized(() => {
    // The leader's epoch, which brokers set.
    out.int32(0);
    out.int8(recordFormat);
    out.summed(() => {
      // No compression, timestamps by who made the records.
      out.int16(0);
      out.int32(messages.length - 1);
      out.int64(first);
      out.int64(last);
      // The producer's id, epoch and sequence: it has none.
      out.int64(-1);
      out.int16(0);
      out.int32(0);
      out.int32(messages.length);
      for (const [index, message] of messages.entries())
        writeRecord(out, message, index, times[index]! - first);
    });
  });
}

/** In ms; undefined if it is none. Dead letters have the time of records that anybody may have made. */
function timeOf(timestamp: string | undefined): number | undefined {
  const time = Number(timestamp || Number.NaN);
  return Number.isSafeInteger(time) && time >= 0 ? time : undefined;
}

function writeRecord(
  out: KafkaBytes,
  { key, value, headers = {} }: Message,
  offset: number,
  time: number,
): void {
  out.prefixed(() => {
    // No attributes.
    out.int8(0);
    out.varInt(time);
    out.varInt(offset);
    out.varIntContent(key ?? null);
    out.varIntContent(value);
    writeHeaders(out, headers);
  });
}

/** One of several values is so many headers. */
function writeHeaders(out: KafkaBytes, headers: IHeaders): void {
  const entries = Object.entries(headers);
  let count = 0;
  for (const [, content] of entries) count += Array.isArray(content) ? content.length : 1;
  out.varInt(count);
  for (const [name, content] of entries) {
    if (Array.isArray(content)) for (const each of content) writeHeader(out, name, each);
    else writeHeader(out, name, content ?? null);
  }
}

function writeHeader(out: KafkaBytes, name: string, content: Content): void {
  out.varIntContent(name);
  out.varIntContent(content);
}
