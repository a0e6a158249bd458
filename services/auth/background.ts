import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";

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
  chore: Chore,
  { signal, logger }: { signal: AbortSignal; logger: Logger },
): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    try {
      await pause(failures === 0 ? chore.everyMs : backoff(chore.everyMs, failures), signal);
      if (signal.aborted) return;
      await chore.run();
      failures = 0;
    } catch (error) {
      failures++;
      logger.warn({ err: error, chore: chore.name, failures }, "background work failed");
    }
  }
}

function backoff(everyMs: number, failures: number): number {
  const longest = Math.max(everyMs, maxBackoffMs);
  return Math.min(everyMs * 2 ** failures, longest) * (0.5 + Math.random() / 2);
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal, ref: false });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
