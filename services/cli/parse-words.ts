import { type ParseArgsOptionsConfig, parseArgs } from "node:util";
import { UsageError } from "./usage-error.ts";

/** The options and the other words of a command line. Throws UsageError for an option that there is not. */
export function parseWords<O extends ParseArgsOptionsConfig>(args: string[], options: O) {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** Of what may follow a command that takes nothing more. */
export function refuseWords([word]: string[]): void {
  if (word !== undefined) throw new UsageError(`there is "${word}", which means nothing here`);
}
