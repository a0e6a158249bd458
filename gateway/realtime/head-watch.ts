import type { Logger } from "pino";
import type { Hub } from "./hub.ts";
import type { Heads, KnownHead, MessageLog } from "./message-log.ts";

/**
 * Finds what no later event would reveal: that the last event of a room, or the last entry of a feed, was lost on its
 * way here. Every interval it asks Message which heads have risen; what has still not arrived `graceMs` later is read
 * from the log. Asking goes in slices under a fixed rate, so its cost is bounded however many rooms are followed.
 */
export interface HeadWatch {
  /** Something may have been missed: compare now, and read at once what is missing. */
  check(): void;
  run(signal: AbortSignal): Promise<void>;
}

export interface HeadWatchDeps {
  hub: Hub;
  log: MessageLog;
  /** Whether everything that is committed is on its way here, as far as is known. */
  connected(): boolean;
  logger: Logger;
  /** Between two rounds while connected, and while not. */
  intervalMs: number;
  disconnectedIntervalMs: number;
  graceMs: number;
}

const slice = 500;
const pauseMs = 25;

export function createHeadWatch(deps: HeadWatchDeps): HeadWatch {
  let urgent = false;
  let wake = () => {};

  function wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener("abort", done, { once: true });
      wake = done;
    });
  }

  /** Reads what has risen and not come. */
  function reach(heads: Heads): void {
    for (const { id, seq } of heads.rooms) {
      const channel = deps.hub.room(id);
      if (channel?.isOpen && channel.seq < seq) void channel.reach(seq);
    }
    for (const { id, seq } of heads.users) {
      const user = deps.hub.user(id);
      if (user && user.feed.seq >= 0 && user.feed.seq < seq) void user.reach(seq);
    }
  }

  async function round(atOnce: boolean, signal: AbortSignal): Promise<void> {
    const rooms: KnownHead[] = [];
    for (const channel of deps.hub.rooms()) {
      if (channel.isOpen) rooms.push({ id: channel.roomId, seq: channel.seq });
    }
    const users: KnownHead[] = [];
    for (const user of deps.hub.users()) {
      if (user.feed.seq >= 0) users.push({ id: user.userId, seq: user.feed.seq });
    }
    const risen: { rooms: KnownHead[]; users: KnownHead[] } = { rooms: [], users: [] };
    for (let i = 0; (i < rooms.length || i < users.length) && !signal.aborted; i += slice) {
      const heads = await deps.log.heads(rooms.slice(i, i + slice), users.slice(i, i + slice));
      if (atOnce) reach(heads);
      risen.rooms.push(...heads.rooms);
      risen.users.push(...heads.users);
      if (i + slice < Math.max(rooms.length, users.length)) await wait(pauseMs, signal);
    }
    if (atOnce || risen.rooms.length + risen.users.length === 0) return;
    await wait(deps.graceMs, signal);
    reach(risen);
  }

  return {
    check() {
      urgent = true;
      wake();
    },
    async run(signal) {
      while (!signal.aborted) {
        if (!urgent) await wait(deps.connected() ? deps.intervalMs : deps.disconnectedIntervalMs, signal);
        if (signal.aborted) return;
        const atOnce = urgent;
        urgent = false;
        try {
          await round(atOnce, signal);
        } catch (err) {
          urgent ||= atOnce;
          deps.logger.warn({ err }, "heads could not be compared");
          await wait(deps.disconnectedIntervalMs, signal);
        }
        deps.hub.sweep();
      }
    },
  };
}
