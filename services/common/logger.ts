import { type DestinationStream, type Logger, pino, stdSerializers, stdTimeFunctions } from "pino";
import { isColorSupported, prettyFactory } from "pino-pretty";

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * What is never written, whoever logs it: a second line of defence, since nobody should log these at all. By name, down
 * to three levels, which is where headers and requests have them.
 */
const secretNames = [
  "token",
  "accessToken",
  "refreshToken",
  "password",
  "currentPassword",
  "newPassword",
  "secret",
  "authorization",
  "cookie",
  "text",
];
const paths = secretNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

export interface LoggerOptions {
  level: LogLevel;
  /** For people at a terminal; else JSON lines. */
  pretty: boolean;
  /** Standard output if absent. */
  destination?: DestinationStream;
}

/** The process's logger; everything else gets a child of it. */
export function createLogger({ level, pretty: forPeople, destination }: LoggerOptions): Logger {
  const options = {
    level,
    redact: { paths, censor: "[redacted]" },
    serializers: { err: describeError },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const target = destination ?? pino.destination({ fd: 1, sync: true });
  return pino(options, forPeople ? prettyPrinted(target) : target);
}

/** What else of an error is worth a line; the rest may be large, such as descriptors, or private, such as values. */
const errorFields = ["code", "reason", "errno", "syscall"];

function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { type, message, stack } = stdSerializers.err(error);
  const extra = Object.entries(error).filter(([name]) => errorFields.includes(name));
  return { type, message, ...Object.fromEntries(extra), stack };
}

/** Line by line and at once, so that nothing is lost when the process exits. */
function prettyPrinted(target: DestinationStream): DestinationStream {
  const print = prettyFactory({ ignore: "pid,hostname", colorize: isColorSupported });
  return { write: (line) => target.write(print(line)) };
}
