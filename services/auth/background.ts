import type { Logger } from "pino";
import { backoffMs, pause } from "../common/backoff.ts";

/** Work that is done again and again, each time all that is due. */
export interface Chore {
  readonly name: string;
  readonly everyMs: number;
  run(): Promise<void>;
}

/** A chore that keeps failing waits longer each time, up to this or its own interval. */
const maxBackoffMs = 5_000;

/** Does the chore until the signal aborts; what fails is logged and tried again. */
export async function runChore(
  { name, everyMs, run }: Chore,
  { signal, logger }: { signal: AbortSignal; logger: Logger },
): Promise<void> {
  const backoff = { firstMs: everyMs, capMs: Math.max(everyMs, maxBackoffMs) };
  let failures = 0;
  for (;;) {
    await pause(failures === 0 ? everyMs : backoffMs(failures, backoff), signal);
    if (signal.aborted) return;
    try {
      await run();
      failures = 0;
    } catch (error) {
      failures++;
      logger.warn({ err: error, chore: name, failures }, "background work failed");
    }
  }
}
