/** No time-out that a timer can count to, in ms: it would go off at once. */
const maxTimeoutMs = 2 ** 31 - 1;

const msPerUnit: Record<string, number> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/**
 * Whether a time-out header is so long that it is as good as none: `grpc-timeout`, such as 99999999H, or
 * `connect-timeout-ms`, a bare number. False for what is no time-out at all.
 */
export function isEndless(timeout: string): boolean {
  const [, count, unit] = /^(\d+)([HMSmun]?)$/.exec(timeout) ?? [];
  return Number(count) * msPerUnit[unit || "m"]! > maxTimeoutMs;
}
