/** Null is told from nothing; headers of records that others made may have it. */
export type Content = string | Buffer | null;

/** Of a text up to this length a loop is faster than the call of what writes long ones. */
const shortText = 64;
/** What a safe integer needs at most as a varint. */
const varIntBytes = 8;
/** What a record's length needs at most: brokers take none of 128 MiB. */
const lengthBytes = 4;
const maxPrefixed = 2 ** 27 - 1;

/** What Kafka's formats are made of, written one after the other into one buffer that grows. */
export class KafkaBytes {
  #buffer: Buffer;
  #at = 0;

  /** With room for so many bytes before it has to grow. */
  constructor(room: number) {
    this.#buffer = Buffer.allocUnsafe(room);
  }

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
