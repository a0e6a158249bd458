/** The numbers around it are exact, too. */
const beyondAll = Number.MAX_SAFE_INTEGER - 1;

/**
 * A seq of a request as a number. What lies outside every log becomes a number that lies there as well, and that every
 * database takes: the largest a request may hold, 2^63 - 1, would be 2^63, which is none of SQL Server's bigint.
 */
export function toSeq(seq: bigint | number): number {
  return Math.max(0, Math.min(Number(seq), beyondAll));
}
