import { randomFillSync } from "node:crypto";

/**
 * Ids are UUIDs: lower-case strings in code and on the wire, 16 bytes in SQL. New ones are version 7 (RFC 9562): 48 bits
 * of milliseconds, a 12-bit counter that starts at random below 2,048 in each millisecond, 62 random bits. Within a
 * process they rise strictly, also when the clock stands or goes back; the counter's overflow borrows the next
 * millisecond.
 */

const codeOfDigit = Buffer.from("0123456789abcdef");

/** Value of a lower-case hex digit by char code; `noDigit` for what is none. */
const noDigit = 0x100;
const digitOfCode = new Uint16Array(128).fill(noDigit);
for (const [value, code] of codeOfDigit.entries()) digitOfCode[code] = value;

/** Where in the string each byte's first digit stands. */
const digitPositions = Uint8Array.of(0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34);

const dash = 45;
const written = Buffer.from("00000000-0000-0000-0000-000000000000");
const bytesPerId = 10;
const entropy = new Uint8Array(bytesPerId * 256);
const fresh = new Uint8Array(16);
let entropyUsed = entropy.length;
let lastMs = 0;
let counter = 0;

/** A new id, greater than all that this process made before. */
export function newId(): string {
  if (entropyUsed === entropy.length) {
    randomFillSync(entropy);
    entropyUsed = 0;
  }
  const at = entropyUsed;
  entropyUsed += bytesPerId;
  advance(Date.now(), ((entropy[at]! << 8) | entropy[at + 1]!) & 0x7ff);
  const high = Math.floor(lastMs / 0x1_0000_0000);
  fresh[0] = high >>> 8;
  fresh[1] = high;
  fresh[2] = lastMs / 0x100_0000;
  fresh[3] = lastMs / 0x1_0000;
  fresh[4] = lastMs / 0x100;
  fresh[5] = lastMs;
  fresh[6] = 0x70 | (counter >>> 8);
  fresh[7] = counter;
  fresh[8] = 0x80 | (entropy[at + 2]! & 0x3f);
  for (let index = 9; index < 16; index++) fresh[index] = entropy[at + index - 6]!;
  return bytesToId(fresh);
}

function advance(now: number, start: number): void {
  if (now > lastMs) {
    lastMs = now;
    counter = start;
  } else if (counter < 0xfff) {
    counter += 1;
  } else {
    lastMs += 1;
    counter = start;
  }
}

/** Whether it is a UUID of any version in lower case. What is none is the id of nothing. */
export function isId(text: string): boolean {
  if (!hasIdShape(text)) return false;
  let seen = 0;
  for (let index = 0; index < 16; index++) seen |= byteAt(text, digitPositions[index]!);
  return seen < noDigit;
}

/** The 16 bytes of an id. Throws a TypeError for what `isId` refuses. */
export function idToBytes(id: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(16);
  let seen = hasIdShape(id) ? 0 : noDigit;
  for (let index = 0; index < 16; index++) {
    const byte = byteAt(id, digitPositions[index]!);
    bytes[index] = byte;
    seen |= byte;
  }
  if (seen >= noDigit) throw new TypeError("not an id");
  return bytes;
}

/** The id in 16 bytes. */
export function bytesToId(bytes: Uint8Array): string {
  for (let index = 0; index < 16; index++) {
    const byte = bytes[index]!;
    const position = digitPositions[index]!;
    written[position] = codeOfDigit[byte >>> 4]!;
    written[position + 1] = codeOfDigit[byte & 0xf]!;
  }
  return written.toString("latin1");
}

function hasIdShape(text: string): boolean {
  return (
    text.length === 36 &&
    text.charCodeAt(8) === dash &&
    text.charCodeAt(13) === dash &&
    text.charCodeAt(18) === dash &&
    text.charCodeAt(23) === dash
  );
}

/** The byte of two digits, `noDigit` or more if one of them is none. */
function byteAt(text: string, position: number): number {
  const high = text.charCodeAt(position);
  const low = text.charCodeAt(position + 1);
  return high < 128 && low < 128 ? (digitOfCode[high]! << 4) | digitOfCode[low]! : noDigit;
}
