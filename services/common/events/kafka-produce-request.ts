import type { Message } from "kafkajs";

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
  const out = new Output();
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

const recordFormat = 2;

function writeBatch(out: Output, messages: readonly Message[], now: number): void {
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

function writeRecord(out: Output, { key, value, headers = {} }: Message, offset: number, time: number): void {
  const fields: [string, Content][] = [];
  for (const [name, content] of Object.entries(headers)) {
    if (Array.isArray(content)) for (const each of content) fields.push([name, each]);
    else fields.push([name, content ?? null]);
  }
  out.prefixed(() => {
    // No attributes.
    out.int8(0);
    out.varInt(time);
    out.varInt(offset);
    out.varIntContent(key ?? null);
    out.varIntContent(value);
    out.varInt(fields.length);
    for (const [name, content] of fields) {
      out.varIntContent(name);
      out.varIntContent(content);
    }
  });
}

/** Null is told from nothing; headers of records that others made may have it. */
type Content = string | Buffer | null;

/** Of a text up to this length a loop is faster than the call of what writes long ones. */
const shortText = 64;
/** What a safe integer needs at most as a varint. */
const varIntBytes = 8;
/** What a record's length needs at most: brokers take none of 128 MiB. */
const lengthBytes = 4;
const maxPrefixed = 2 ** 27 - 1;

/** Bytes that are written one after the other, in a buffer that grows. */
class Output {
  #buffer = Buffer.allocUnsafe(16 * 1024);
  #at = 0;

  /** What was written. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  int8(value: number): void {
    this.#reserve(1);
    this.#at = this.#buffer.writeInt8(value, this.#at);
  }

  int16(value: number): void {
    this.#reserve(2);
    this.#at = this.#buffer.writeInt16BE(value, this.#at);
  }

  int32(value: number): void {
    this.#reserve(4);
    this.#at = this.#buffer.writeInt32BE(value, this.#at);
  }

  /** A safe integer. */
  int64(value: number): void {
    this.int32(Math.floor(value / 2 ** 32));
    this.int32(value | 0);
  }

  /** A safe integer from 0, or a small one below: in zigzag, seven bits at a time. */
  varInt(value: number): void {
    this.#reserve(varIntBytes);
    let rest = value < 0 ? -2 * value - 1 : 2 * value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#buffer[this.#at++] = (rest % 0x80) | 0x80;
    this.#buffer[this.#at++] = rest;
  }

  /** In UTF-8. */
  text(value: string): void {
    this.#reserve(3 * value.length);
    if (value.length > shortText || !this.#ascii(value)) this.#at += this.#buffer.write(value, this.#at);
  }

  /** What it is of bytes, after their number. */
  varIntContent(content: Content): void {
    if (content === null) this.varInt(-1);
    else if (typeof content === "string") this.#varIntText(content);
    else this.#varIntBytes(content);
  }

  /** What `write` writes, after its length in four bytes. */
  sized(write: () => void): void {
    const from = this.#skip(4);
    write();
    this.#buffer.writeInt32BE(this.#at - from, from - 4);
  }

  /** What `write` writes, after its CRC-32C. */
  summed(write: () => void): void {
    const from = this.#skip(4);
    write();
    this.#buffer.writeUInt32BE(crc32c(this.#buffer, from, this.#at), from - 4);
  }

  /** What `write` writes, after its length as a varint, for which there is more room than most lengths need. */
  prefixed(write: () => void): void {
    const from = this.#skip(lengthBytes);
    write();
    const to = this.#at;
    if (to - from > maxPrefixed) throw new RangeError(`a record of ${to - from} bytes is too long`);
    // Growing after going back would lose what is ahead.
    this.#reserve(varIntBytes);
    this.#at = from - lengthBytes;
    this.varInt(to - from);
    this.#buffer.copyWithin(this.#at, from, to);
    this.#at += to - from;
  }

  #varIntBytes(bytes: Buffer): void {
    this.varInt(bytes.length);
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #varIntText(value: string): void {
    const at = this.#at;
    this.varInt(value.length);
    if (value.length <= shortText && this.#ascii(value)) return;
    this.#at = at;
    this.varInt(Buffer.byteLength(value));
    this.text(value);
  }

  /** Writes a text of ASCII, or answers false. */
  #ascii(value: string): boolean {
    this.#reserve(value.length);
    const buffer = this.#buffer;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code >= 0x80) return false;
      buffer[this.#at + i] = code;
    }
    this.#at += value.length;
    return true;
  }

  #skip(bytes: number): number {
    this.#reserve(bytes);
    this.#at += bytes;
    return this.#at;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#buffer.length, this.#at + bytes));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}

/** By byte, of the Castagnoli polynomial, reflected: RFC 3720, appendix B.4. */
const crcTable = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

function crc32c(bytes: Buffer, from: number, to: number): number {
  let crc = -1;
  for (let i = from; i < to; i++) crc = crcTable[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
