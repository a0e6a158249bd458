import { UnavailableError } from "../errors.ts";

/** A row with this key is there already. */
export class UniqueViolationError extends Error {
  /** Empty where the database names only the index. */
  readonly table: string;
  /** Of the violated key, in its order; empty where the database names only the index. */
  readonly columns: readonly string[];
  /** Of the violated index, where the database names it: on SQLite, indexes on expressions. */
  readonly index: string | undefined;

  constructor(violation: { table?: string; columns?: readonly string[]; index?: string; cause?: unknown }) {
    const { table = "", columns = [], index, cause } = violation;
    super(`there is one already: ${index ?? `${table}(${columns.join(", ")})`}`, { cause });
    this.name = "UniqueViolationError";
    this.table = table;
    this.columns = columns;
    this.index = index;
  }
}

/** The transaction was undone for the sake of another: the same again may succeed. */
export class TransactionConflictError extends UnavailableError {
  constructor(cause: unknown) {
    super(undefined, cause);
    this.name = "TransactionConflictError";
  }
}

/** The database can't be opened. The message says which and why. */
export class DatabaseOpenError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = new.target.name;
  }
}

/** Another process has the database. */
export class DatabaseLockedError extends DatabaseOpenError {}

/** The schema isn't one that this version can bring up to date. */
export class SchemaError extends DatabaseOpenError {}

/** Why, for whoever runs Parley: an UnavailableError keeps it from clients. */
export function rootMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? rootMessage(error.cause) : error.message;
}
