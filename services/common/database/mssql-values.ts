import { type Request, Table, TYPES } from "./mssql-driver.ts";

/** What a statement or procedure can be given. */
export type MssqlParameter = string | number | bigint | Uint8Array | null | TableValue;

/** A table-valued parameter, of a type in the database. */
export interface TableValue {
  /** Of the type, with its schema. */
  readonly type: string;
  readonly columns: readonly TableColumn[];
  readonly rows: readonly (readonly (string | number | Uint8Array | null)[])[];
}

export interface TableColumn {
  readonly name: string;
  readonly type: "int" | "bigint" | "id" | "name" | "string" | "text";
}

/** Names, keys and emoji: as wide as any of them. */
const nameLength = 400;
/** As long as text can be that is not of any length. */
const stringLength = 4000;
const maxBytesInRow = 8000;

/**
 * Integers go as what they fit in, so that plans are few. Of bytes, those as long as ids and hashes have fixed lengths
 * in the tables too. Null is never a parameter: it would have a type, which not every column takes.
 */
export function bind(request: Request, name: string, value: unknown): void {
  if (typeof value === "string") request.input(name, TYPES.NVarChar, value);
  else if (typeof value === "number" || typeof value === "bigint") bindInteger(request, name, value);
  else if (value instanceof Uint8Array) bindBytes(request, name, value);
  else if (isTable(value)) request.input(name, toTable(value));
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

function isTable(value: unknown): value is TableValue {
  return typeof value === "object" && value !== null && "rows" in value;
}

function toTable({ type, columns, rows }: TableValue): Table {
  const table = new Table(type);
  for (const column of columns) table.columns.add(column.name, columnType(column.type), { nullable: true });
  for (const row of rows) {
    table.rows.add(...row.map((value) => (value instanceof Uint8Array ? toBuffer(value) : value)));
  }
  return table;
}

function columnType(type: TableColumn["type"]) {
  switch (type) {
    case "int":
      return TYPES.Int;
    case "bigint":
      return TYPES.BigInt;
    case "id":
      return TYPES.VarBinary(16);
    case "name":
      return TYPES.NVarChar(nameLength);
    case "string":
      return TYPES.NVarChar(stringLength);
    case "text":
      return TYPES.NVarChar(Number.POSITIVE_INFINITY);
  }
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
