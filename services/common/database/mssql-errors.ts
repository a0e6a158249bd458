import { UnavailableError } from "../errors.ts";
import { TransactionConflictError, UniqueViolationError } from "./errors.ts";
import { MSSQLError, RequestError } from "./mssql-driver.ts";

/** The columns of each unique index of a service's tables, by the index's name. */
export type UniqueIndexes = ReadonlyMap<string, { table: string; columns: readonly string[] }>;

const deadlockVictim = 1205;
/** A row was changed since the snapshot of a transaction that wants to change it too. */
const updateConflict = 3960;
const duplicateKey = 2627;
const duplicateIndexKey = 2601;

/**
 * What ails the server, not the statement: https://learn.microsoft.com/sql/relational-databases/errors-events. A
 * database that fails over passes through several of these.
 */
const unavailableNumbers = new Set([
  64,
  233,
  10053,
  10054,
  10060,
  10061, // the network
  596,
  6005,
  17142, // the session is being ended, the server shut down or paused
  601,
  617,
  701,
  802,
  1204,
  8628,
  8645,
  8651, // memory and locks
  823,
  824,
  825,
  1101,
  1105,
  3257,
  9001,
  9002, // disks and the log
  1222, // a lock that was not to be had in time
  3906,
  3908, // read-only: a replica that is no longer the primary
  904,
  921,
  922,
  923,
  924,
  927,
  945,
  952,
  976,
  978,
  983, // the database is coming up, going down or changing sides
  4060,
  18401,
  18451,
  18456,
  18461, // logins, refused while it does; at the start they are faults of the configuration
  10928,
  10929,
  40143,
  40197,
  40501,
  40540,
  40613,
  49918,
  49919,
  49920, // the same and quotas on Azure
]);

/** From this severity on the server ends the connection, whatever it says. */
const fatalSeverity = 20;

/**
 * Babelfish, T-SQL on PostgreSQL, has one number for all of PostgreSQL's errors for which it knows none of SQL Server's.
 * These texts are what ails the server: a lock that was not to be had in time, a process that was ended, a server that
 * starts or stops, no more connections, memory or disk, a standby.
 */
const unmappedByBabelfish = 33557097;
const unavailableOnBabelfish =
  /^(canceling statement due to (lock timeout|conflict)|terminating connection|the database system is|(sorry, )?(too many clients|remaining connection slots)|out of (shared )?memory|could not extend file|cannot execute \w+ in a read-only transaction)/i;

/** Of the driver: the connection is lost. */
const disconnectCodes = new Set(["ESOCKET", "ECONNCLOSED", "ECONNRESET"]);

/** Of the driver: there is no connection, or an answer did not come in time. */
const unavailableCodes = new Set([
  "ENOTOPEN",
  "ETIMEOUT",
  "ETIMEDOUT",
  "ELOGIN",
  "EINSTLOOKUP",
  "EABORT",
  "ENOTBEGUN",
  "EDRIVER",
]);

/** Rolled back whole, for the sake of another transaction: the same again may succeed. */
export function isConflict(error: unknown): boolean {
  const number = numberOf(error);
  return number === deadlockVictim || number === updateConflict;
}

export function isDuplicate(error: unknown): boolean {
  const number = numberOf(error);
  return number === duplicateKey || number === duplicateIndexKey;
}

/** The connection is lost; what was under way may have happened. */
export function isDisconnect(error: unknown): boolean {
  return disconnectCodes.has(codeOf(error) ?? "") || isFatal(error) || wasLostBefore(error);
}

/** What the driver threw, other than a violation of a unique index, as the error that callers of the port get. */
export function toDatabaseError(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const number = numberOf(error);
  if (isConflict(error)) return new TransactionConflictError(error);
  const isUnavailable =
    (number !== undefined && unavailableNumbers.has(number)) ||
    (number === unmappedByBabelfish && unavailableOnBabelfish.test(error.message)) ||
    unavailableCodes.has(codeOf(error) ?? "") ||
    isDisconnect(error) ||
    error.name === "TimeoutError";
  return isUnavailable ? new UnavailableError(undefined, error) : error;
}

function numberOf(error: unknown): number | undefined {
  return error instanceof RequestError ? error.number : undefined;
}

/** The pool gave out a connection whose end it had not noticed. */
function wasLostBefore(error: unknown): boolean {
  return codeOf(error) === "EINVALIDSTATE" && (error as Error).message.includes("Final state");
}

function isFatal(error: unknown): boolean {
  return error instanceof RequestError && Number(error.class) >= fatalSeverity;
}

function codeOf(error: unknown): string | undefined {
  if (error instanceof MSSQLError) return error.code;
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/**
 * The message names the constraint or index in quotes, whose names are unique among ours. Servers that lengthen the
 * names of indexes still begin with ours.
 */
export function toUniqueViolation(cause: unknown, indexes: UniqueIndexes): UniqueViolationError {
  const message = cause instanceof Error ? cause.message : "";
  const quoted = [...message.matchAll(/['"]([^'"]+)['"]/g)].map(([, name = ""]) => name);
  const known = [...indexes.keys()].sort((a, b) => b.length - a.length);
  const index = known.find((name) => quoted.some((found) => found.startsWith(name)));
  if (index === undefined) return new UniqueViolationError({ cause });
  return new UniqueViolationError({ ...indexes.get(index), index, cause });
}
