import { UnavailableError } from "../errors.ts";
import { UniqueViolationError } from "./errors.ts";
import { type Failure, isUnavailable } from "./sqlite-failure.ts";

/** What SQLite said, in the main thread: the cause of what callers get, or itself if there is no better name. */
export class SqliteError extends Error {
  /** SQLite's extended result code. */
  readonly errcode: number;

  constructor(message: string, errcode: number) {
    super(message);
    this.name = "SqliteError";
    this.errcode = errcode;
  }
}

const uniqueCodes = new Set([
  1555, // SQLITE_CONSTRAINT_PRIMARYKEY
  2067, // SQLITE_CONSTRAINT_UNIQUE
  2579, // SQLITE_CONSTRAINT_ROWID
]);

/** The failure as the error that callers of the port get. */
export function toDatabaseError(failure: Failure): Error {
  const original = rebuild(failure);
  if (isUnavailable(failure)) return new UnavailableError(undefined, original);
  if (failure.errcode !== undefined && uniqueCodes.has(failure.errcode)) return uniqueViolation(original);
  return original;
}

function rebuild({ name, message, stack, errcode }: Failure): Error {
  const error = errcode === undefined ? new Error(message) : new SqliteError(message, errcode);
  if (errcode === undefined) error.name = name;
  if (stack !== undefined) error.stack = stack;
  return error;
}

/** SQLite says `UNIQUE constraint failed: room.kind, room.name`, or `... failed: index 'room_by_folded_name'`. */
function uniqueViolation(cause: Error): UniqueViolationError {
  const key = cause.message.slice(cause.message.indexOf(": ") + 2);
  const index = /^index '(.*)'$/.exec(key)?.[1];
  if (index !== undefined) return new UniqueViolationError({ index, cause });
  const columns = key.split(", ").map((column) => column.slice(column.indexOf(".") + 1));
  return new UniqueViolationError({ table: key.slice(0, key.indexOf(".")), columns, cause });
}
