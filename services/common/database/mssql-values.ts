import { type Request, TYPES } from "./mssql-driver.ts";

const maxBytesInRow = 8000;

/**
 * Integers go as what they fit in, so that plans are few. Of bytes, those as long as ids and hashes have fixed lengths
 * in the tables too. Null is never a parameter: it would have a type, which not every column takes.
 */
export function bind(request: Request, name: string, value: unknown): void {
  if (typeof value === "string") request.input(name, TYPES.NVarChar, value);
  else if (typeof value === "number" || typeof value === "bigint") bindInteger(request, name, value);
  else if (value instanceof Uint8Array) bindBytes(request, name, value);
  else throw new TypeError(`parameter ${name} is a ${typeof value}: write a number, a string or bytes`);
}

function bindInteger(request: Request, name: string, value: number | bigint): void {
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw new TypeError(`parameter ${name} is ${value}, which is no integer below 2^53`);
  }
  const isSmall = value >= -0x8000_0000 && value <= 0x7fff_ffff;
  request.input(name, isSmall ? TYPES.Int : TYPES.BigInt, isSmall ? Number(value) : String(value));
}

function bindBytes(request: Request, name: string, value: Uint8Array): void {
  const { length } = value;
  const type =
    length === 16 || length === 32
      ? TYPES.Binary
      : length <= maxBytesInRow
        ? TYPES.VarBinary(maxBytesInRow)
        : TYPES.VarBinary(Number.POSITIVE_INFINITY);
  request.input(name, type, toBuffer(value));
}

function toBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}

/** Columns of a result: `type` is one of TYPES. */
interface ResultColumn {
  readonly type: unknown;
}

/** How values of a column come back: integers as numbers, bytes on their own memory. Undefined: as they are. */
export function readerOf({ type }: ResultColumn): ((value: unknown) => unknown) | undefined {
  if (type === TYPES.BigInt) return toSafeInteger;
  if (type === TYPES.Binary || type === TYPES.VarBinary) return toBytes;
  return undefined;
}

function toSafeInteger(value: unknown): number | null {
  if (value === null) return null;
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new RangeError(`${value} is above 2^53: it can't be a number`);
}

function toBytes(value: unknown): Uint8Array | null {
  return value === null ? null : new Uint8Array(value as Uint8Array);
}
