/**
 * A seq of a request as a number. No log gets beyond 2^53, and a database may not take the number that a larger one
 * becomes (2^63 is beyond SQL Server's bigint): what is beyond that is as if it were there.
 */
export function toSeq(seq: bigint | number): number {
  return Math.min(Number(seq), Number.MAX_SAFE_INTEGER);
}
