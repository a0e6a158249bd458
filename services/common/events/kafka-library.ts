import { createRequire } from "node:module";
import type { ICustomPartitioner, Message, PartitionMetadata } from "kafkajs";
import { createRecordBatchDecoder, type RecordBatch } from "./kafka-fetched-records.ts";
import { InflightRequests } from "./kafka-inflight.ts";
import { encodeProduceRequest, type ProduceRequest } from "./kafka-produce-request.ts";

const load = createRequire(import.meta.url);

/**
 * KafkaJS 2.2.4, the last version there is, does five things that cost more than all else it does, and one by which a
 * broken record stops the process. They are replaced in the library as it is loaded, where it keeps them; what it then
 * does is the same. So whoever needs more of it than its types has it from here: loaded before, it would keep some of
 * its own.
 */
export const kafkajs = loadMended();

function loadMended(): typeof import("kafkajs") {
  quietIdleConnections();
  forgetAnswered();
  encodeProduceRequests();
  decodeRecordBatches();
  boundHeaders();
  groupInOnePass();
  return load("kafkajs") as typeof import("kafkajs");
}

interface RequestQueue {
  readonly pending: readonly unknown[];
  inflight: Map<number, unknown> | InflightRequests<unknown>;
  push(request: unknown): void;
  scheduleCheckPendingRequests(): void;
}

/**
 * It wakes every millisecond for each connection, to see whether requests wait that were held back: its timer is set to
 * a time in the past (kafkajs issue 1751). Without any, nothing has to be looked after.
 */
function quietIdleConnections(): void {
  const { prototype } = load("kafkajs/src/network/requestQueue") as { prototype: RequestQueue };
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0) schedule.call(this);
  };
}

/** It has a Map of what waits for its answer (kafka-inflight.ts). */
function forgetAnswered(): void {
  const { prototype } = load("kafkajs/src/network/requestQueue") as { prototype: RequestQueue };
  const { push } = prototype;
  prototype.push = function (this: RequestQueue, request) {
    if (this.inflight instanceof Map) this.inflight = new InflightRequests();
    push.call(this, request);
  };
}

/** What is asked of KafkaJS' own encoder. */
interface AnyProduceRequest extends ProduceRequest {
  readonly compression?: number;
  readonly transactionalId?: string | null;
  readonly producerId?: number;
}

type CreateRequest = (request: AnyProduceRequest) => { encode(): Promise<object> };

/**
 * It takes 34 us of CPU to encode a record of 300 bytes with five headers, a tenth of what a message costs in a whole
 * mesh; the encoder here takes 2.6. What that doesn't know, compression and producers that number what they send, stays
 * KafkaJS'. Later versions of the request are made of this one, which they load when first needed.
 */
function encodeProduceRequests(): void {
  const file = load.resolve("kafkajs/src/protocol/requests/produce/v3/request");
  const create = load(file) as CreateRequest;
  load.cache[file]!.exports = (request: AnyProduceRequest) => {
    const created = create(request);
    return isPlain(request) ? { ...created, encode: async () => encoded(request) } : created;
  };
}

function isPlain({ compression, transactionalId, producerId = -1 }: AnyProduceRequest): boolean {
  return !compression && (transactionalId ?? null) === null && Number(producerId) === -1;
}

/** As one of KafkaJS' encoders, of which only this is looked at. */
function encoded(request: ProduceRequest): { buf: Buffer; buffer: Buffer } {
  const buf = encodeProduceRequest(request);
  return { buf, buffer: buf };
}

interface KafkaJsDecoder {
  readonly buffer: Buffer;
  offset: number;
  readVarInt(): number;
  readVarIntArray(reader: unknown): unknown[];
}

type DecodeBatch = (fetched: KafkaJsDecoder) => Promise<RecordBatch>;

/**
 * It takes 8 us of CPU to decode a record of 300 bytes with five headers; the decoder here takes 1.3. What that doesn't
 * answer stays KafkaJS', and so do its errors, by one of which it knows that a fetch's last batch is cut off. What calls
 * it is loaded when the first fetch is sent.
 */
function decodeRecordBatches(): void {
  const file = load.resolve("kafkajs/src/protocol/recordBatch/v0/decoder");
  const decode = load(file) as DecodeBatch;
  const decodeRecordBatch = createRecordBatchDecoder();
  load.cache[file]!.exports = async (fetched: KafkaJsDecoder) => {
    const decoded = decodeRecordBatch(fetched.buffer, fetched.offset);
    if (!decoded) return decode(fetched);
    fetched.offset = decoded.end;
    return decoded.batch;
  };
}

/** So many headers that aren't there are harmless. */
const maxMadeUp = 1_000;

/** Where a record has fewer headers than it says, it makes up the others, billions if need be, each dearer than the last. */
function boundHeaders(): void {
  const { prototype } = load("kafkajs/src/protocol/decoder") as { prototype: KafkaJsDecoder };
  const read = prototype.readVarIntArray;
  prototype.readVarIntArray = function (this: KafkaJsDecoder, reader: unknown) {
    const from = this.offset;
    const count = this.readVarInt();
    // Each takes two bytes at least.
    const room = this.buffer.length - this.offset;
    if (count > Math.max(room / 2, maxMadeUp))
      throw new RangeError(`${count} headers can't be in the ${room} bytes that are left of a record`);
    this.offset = from;
    return read.call(this, reader);
  };
}

interface Grouping {
  readonly topic: string;
  readonly partitionMetadata: PartitionMetadata[];
  readonly messages: readonly Message[];
  readonly partitioner: ReturnType<ICustomPartitioner>;
}

/** It copies what a partition has so far, and the object of all partitions, for each message. */
function groupInOnePass(): void {
  const file = load.resolve("kafkajs/src/producer/groupMessagesPerPartition");
  load(file);
  load.cache[file]!.exports = groupMessages;
}

function groupMessages({ topic, partitionMetadata, messages, partitioner }: Grouping) {
  const groups: Record<number, Message[]> = {};
  if (partitionMetadata.length === 0) return groups;
  for (const message of messages) {
    const partition = partitioner({ topic, partitionMetadata, message });
    groups[partition] ??= [];
    groups[partition].push(message);
  }
  return groups;
}
