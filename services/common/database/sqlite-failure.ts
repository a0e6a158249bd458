/** An error on its way from a database thread: structured clone would drop all but the message. */
export interface Failure {
  name: string;
  message: string;
  stack: string | undefined;
  /** SQLite's extended result code, if it is an error of SQLite's. */
  errcode: number | undefined;
  /** The transaction it belongs to is over already. */
  rolledBack: boolean;
}

/** The transaction that a statement belongs to was rolled back before, because of another error. */
export class RolledBackError extends Error {
  constructor() {
    super("the transaction was rolled back before");
    this.name = "RolledBackError";
  }
}

/** SQLite's code for what can't be opened. */
export class FileMissingError extends Error {
  readonly errcode = 14;

  constructor(path: string) {
    super(`${path} is missing`);
    this.name = "FileMissingError";
  }
}

/** Primary result codes; https://sqlite.org/rescode.html */
const busy = 5;
const locked = 6;
const noMemory = 7;
const readOnly = 8;
const ioError = 10;
const full = 13;
const cantOpen = 14;
const protocol = 15;

const unavailableCodes = new Set([busy, locked, noMemory, readOnly, ioError, full, cantOpen, protocol]);

/**
 * After these the connection may be one that fails for ever: opened while the disk was read-only it stays read-only,
 * and after an I/O error its view of the files is not to be trusted. A full disk harms no connection.
 */
const breakingCodes = new Set([readOnly, ioError, cantOpen, protocol]);

export function toFailure(error: unknown): Failure {
  if (!(error instanceof Error)) {
    return { name: "Error", message: String(error), stack: undefined, errcode: undefined, rolledBack: false };
  }
  const { name, message, stack } = error;
  const errcode = errcodeOf(error);
  return { name, message, stack, errcode, rolledBack: error instanceof RolledBackError };
}

/** Whether the database can't do its work at the moment, as opposed to a fault of what it was asked. */
export function isUnavailable({ errcode, rolledBack }: Failure): boolean {
  return rolledBack || (errcode !== undefined && unavailableCodes.has(errcode & 0xff));
}

/** Whether another process or connection holds what is needed. */
export function isBusy(error: unknown): boolean {
  const errcode = errcodeOf(error);
  return errcode !== undefined && (errcode & 0xff) === busy;
}

/** Whether the connection must be opened anew. */
export function breaksConnection(error: unknown): boolean {
  const errcode = errcodeOf(error);
  return errcode !== undefined && breakingCodes.has(errcode & 0xff);
}

function errcodeOf(error: unknown): number | undefined {
  const errcode = error instanceof Error && "errcode" in error ? error.errcode : undefined;
  return typeof errcode === "number" ? errcode : undefined;
}
