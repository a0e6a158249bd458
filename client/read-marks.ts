import type { MessageService } from "#gen/parley/message/v1/message_service_pb.js";
import { pause } from "./abort.ts";
import { backoffMs } from "./backoff.ts";
import type { Client } from "./connect-protocol.ts";
import { toParleyError } from "./errors.ts";

/** Tells the server how far one has read: the last of a moment, until it is told. */
export interface ReadMarks {
  mark(roomId: string, seq: bigint): void;
  /** Connected again: what couldn't be told is told. */
  connected(): void;
  /** No more tries until then. */
  stop(): void;
  clear(): void;
}

const gatherMs = 300;
const maxFailures = 10;

export function createReadMarks(
  calls: Pick<Client<typeof MessageService>, "markRead">,
  onTold: (roomId: string) => void,
): ReadMarks {
  /** Another one with another person. */
  let wanted = new Map<string, bigint>();
  const telling = new Set<string>();
  let trying = new AbortController();

  async function tell(roomId: string): Promise<void> {
    const { signal } = trying;
    await pause(gatherMs);
    for (let failures = 0; wanted.has(roomId); ) {
      const mine = wanted;
      const seq = mine.get(roomId)!;
      try {
        await calls.markRead({ roomId, seq });
        if (mine.get(roomId) === seq) mine.delete(roomId);
        onTold(roomId);
      } catch (reason) {
        failures += 1;
        const { reason: why, retryAfter } = toParleyError(reason);
        if (why === "ROOM_NOT_FOUND" || why === "SIGNED_OUT") mine.delete(roomId);
        // It waits for the next connection, or for the next mark.
        else if (failures > maxFailures || signal.aborted) break;
        else await pause(Math.max(retryAfter ?? 0, backoffMs(failures)), signal);
      }
    }
    // At once: who hears that it is told may have read more.
    telling.delete(roomId);
  }

  function start(roomId: string): void {
    if (telling.has(roomId)) return;
    telling.add(roomId);
    void tell(roomId);
  }

  return {
    mark(roomId, seq) {
      if (seq <= (wanted.get(roomId) ?? 0n)) return;
      wanted.set(roomId, seq);
      start(roomId);
    },
    connected() {
      for (const roomId of wanted.keys()) start(roomId);
    },
    stop() {
      trying.abort();
      trying = new AbortController();
    },
    clear() {
      wanted = new Map();
    },
  };
}
