/** The kinds of failure, as Connect and gRPC number them. */
export const Code = {
  Canceled: 1,
  Unknown: 2,
  InvalidArgument: 3,
  DeadlineExceeded: 4,
  NotFound: 5,
  AlreadyExists: 6,
  PermissionDenied: 7,
  ResourceExhausted: 8,
  FailedPrecondition: 9,
  Aborted: 10,
  OutOfRange: 11,
  Unimplemented: 12,
  Internal: 13,
  Unavailable: 14,
  DataLoss: 15,
  Unauthenticated: 16,
} as const;

/** One of the kinds of failure. */
export type Code = (typeof Code)[keyof typeof Code];

/** `NotFound` becomes `not_found`, as Connect has it in its errors. */
const byName = new Map<unknown, Code>(
  Object.entries(Code).map(([name, code]) => [name.replace(/(?<!^)([A-Z])/g, "_$1").toLowerCase(), code]),
);

/** Of the name that Connect gives it; undefined if it is none. */
export function codeNamed(name: unknown): Code | undefined {
  return byName.get(name);
}

/** `NOT_FOUND` of Code.NotFound. */
export function nameOfCode(code: Code): string {
  for (const [name, each] of byName) if (each === code) return String(name).toUpperCase();
  return "UNKNOWN";
}
