import { createRequire } from "node:module";
import "./kafka-library.ts";
import { type Content, KafkaBytes } from "./kafka-bytes.ts";

/** A batch to be read; what isn't said is as of most. */
export interface BatchSpec {
  readonly firstOffset?: bigint;
  readonly firstTime?: bigint;
  readonly maxTime?: bigint;
  readonly producerId?: bigint;
  readonly attributes?: number;
  readonly magic?: number;
  /** The records that it says it has. */
  readonly count?: number;
  readonly records?: readonly RecordSpec[];
  /** In place of records. */
  readonly raw?: Uint8Array;
}

export interface RecordSpec {
  readonly attributes?: number;
  readonly time?: number;
  readonly offset?: number;
  readonly key?: Content;
  readonly value?: Content;
  readonly headers?: readonly (readonly [name: Content, value: Content])[];
  /** The headers that it says it has. */
  readonly headerCount?: number;
  /** Behind what is known of records. */
  readonly more?: Uint8Array;
  /** In place of all that a record has. */
  readonly raw?: Uint8Array;
}

/** The bytes of a batch as brokers keep it. Nobody looks at its sum. */
export function recordBatch(spec: BatchSpec): Buffer {
  const { firstOffset = 7n, firstTime = 1_764_190_000_000n, maxTime = firstTime, producerId = -1n } = spec;
  const { attributes = 0, magic = 2, records = [], count = records.length, raw } = spec;
  const out = new KafkaBytes(1_024);
  const bigint = (value: bigint) => {
    out.int32(Number(BigInt.asIntN(32, value >> 32n)));
    out.int32(Number(BigInt.asIntN(32, value)));
  };
  bigint(firstOffset);
  out.sized(() => {
    out.int32(3);
    out.int8(magic);
    out.int32(0);
    out.int16(attributes);
    out.int32(Math.max(0, count - 1));
    bigint(firstTime);
    bigint(maxTime);
    bigint(producerId);
    out.int16(5);
    out.int32(11);
    out.int32(count);
    if (raw) writeRaw(out, raw);
    else for (const [index, record] of records.entries()) out.prefixed(() => writeRecord(out, record, index));
  });
  return Buffer.from(out.bytes());
}

function writeRecord(out: KafkaBytes, record: RecordSpec, index: number): void {
  if (record.raw) {
    writeRaw(out, record.raw);
    return;
  }
  const { attributes = 0, time = index, offset = index, key = "key", value = "value", headers = [] } = record;
  out.int8(attributes);
  out.varInt(time);
  out.varInt(offset);
  out.varIntContent(key);
  out.varIntContent(value);
  out.varInt(record.headerCount ?? headers.length);
  for (const [name, content] of headers) {
    out.varIntContent(name);
    out.varIntContent(content);
  }
  writeRaw(out, record.more ?? Buffer.of());
}

function writeRaw(out: KafkaBytes, bytes: Uint8Array): void {
  for (const byte of bytes) out.int8((byte << 24) >> 24);
}

/** What an answer to a fetch has of a partition: batches, after the number of their bytes. Its memory is its own. */
export function fetchedBytes(...batches: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.concat(batches);
  const fetched = Buffer.alloc(4 + bytes.length);
  fetched.writeInt32BE(bytes.length);
  fetched.set(bytes, 4);
  return fetched;
}

/** What comes of such bytes: all there is to see of the records, or of the error. */
export type ReadFetched = (fetched: Buffer) => Promise<string>;

/** `read` is by KafkaJS as it is mended; `same` is the same, and an error unless KafkaJS makes the same of it. */
export function createReaders(): { read: ReadFetched; same: ReadFetched } {
  const read = createFetchedReader({ anew: false });
  return { read, same: createComparison(read, createFetchedReader({ anew: true })) };
}

/** For each of these bytes both readers are asked: error unless they say the same, which is the answer. */
function createComparison(read: ReadFetched, expected: ReadFetched): ReadFetched {
  return async (fetched) => {
    const [one, other] = [await read(fetched), await expected(fetched)];
    if (one !== other) throw new Error(`of ${fetched.toString("hex")}\n${one}\nis in place of\n${other}`);
    return one;
  };
}

/** By KafkaJS as it is loaded; if `anew`, by what is on the disk, which leaves what is loaded as it is. */
function createFetchedReader({ anew }: { anew: boolean }): ReadFetched {
  const load = createRequire(import.meta.url);
  const loaded = () => Object.entries(load.cache).filter(([file]) => file.includes("/kafkajs/src/"));
  const before = anew ? loaded() : [];
  for (const [file] of before) delete load.cache[file];
  const decodeMessages = load("kafkajs/src/protocol/requests/fetch/v4/decodeMessages");
  const Decoder = load("kafkajs/src/protocol/decoder");
  if (anew) for (const [file] of loaded()) delete load.cache[file];
  for (const [file, module] of before) load.cache[file] = module;
  return async (fetched) => {
    try {
      return told(await decodeMessages(new Decoder(fetched)), fetched);
    } catch (error) {
      const { name, code, message } = error as NodeJS.ErrnoException;
      return `${name} ${code}: ${message}`;
    }
  };
}

/** With the order of keys, and the places of bytes in what was fetched. */
function told(decoded: unknown, fetched: Buffer): string {
  return JSON.stringify(decoded, function (this: Record<string, unknown>, name, value) {
    const raw = this[name];
    if (Buffer.isBuffer(raw))
      return `${raw.buffer === fetched.buffer ? raw.byteOffset : "elsewhere"}: ${raw.toString("hex")}`;
    return typeof raw === "function" || raw === undefined ? String(raw) : value;
  });
}
