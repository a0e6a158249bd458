import type { Rate } from "./rate-limit.ts";

/** The formats of configuration values: each parser answers undefined for what it can't read. */

const periodMs: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `20/s`, `100/m`, `1000/h`. */
export function parseRate(text: string): Rate | undefined {
  const match = /^(\d{1,9})\/([smhd])$/.exec(text);
  const count = Number(match?.[1]);
  const perMs = periodMs[match?.[2] ?? ""];
  return count > 0 && perMs !== undefined ? Object.freeze({ count, perMs }) : undefined;
}

/** `500ms`, `30s`, `10m`, `2h`, `7d` in ms. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9})(ms|[smhd])$/.exec(text);
  if (!match) return undefined;
  return Number(match[1]) * (match[2] === "ms" ? 1 : periodMs[match[2]!]!);
}

/** A decimal integer that a number holds exactly. */
export function parseInteger(text: string): number | undefined {
  const value = /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}

const booleans = new Map([
  ...["on", "true", "yes", "1"].map((word) => [word, true] as const),
  ...["off", "false", "no", "0"].map((word) => [word, false] as const),
]);

/** `on`, `true`, `yes`, `1`, or their opposites. */
export function parseBoolean(text: string): boolean | undefined {
  return booleans.get(text);
}

/** The value in quotes for an error message: cut, and without the password of a URL. */
export function quoted(text: string): string {
  const safe = text.replace(/\/\/[^/@\s]*@/g, "//***@");
  return JSON.stringify(safe.length > 60 ? `${safe.slice(0, 60)}…` : safe);
}
