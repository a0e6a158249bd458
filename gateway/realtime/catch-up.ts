import type { Connection } from "./connection.ts";
import type { Lag } from "./lag.ts";
import type { LiveLog } from "./live-log.ts";
import { createFrame, type Frames } from "./server-frame.ts";

/** After a gap a connection still gets this many of the newest items; api.md promises a room's last 1,000. */
export const keptByGap = 1000;
/** Logs of one connection that are read side by side. */
const sideBySide = 8;
/** Bytes written between two looks at whether the socket takes them. */
const stride = 64 * 1024;

export interface CatchUpDeps {
  /** Waits before the n-th retry (from 0); rejects when the gateway stops. */
  backoff(attempt: number): Promise<void>;
}

/**
 * Brings lagging connections up from the logs: pages are read and written as fast as the socket takes them, and when a
 * connection has all that the live ones have, it becomes one of them in the same turn, so nothing can come between.
 *
 * Never writes beyond `log.seq`: what the gateway has not processed itself may contain the end of a membership.
 */
export function createCatchUp(deps: CatchUpDeps): (connection: Connection) => void {
  async function run(connection: Connection): Promise<void> {
    try {
      for (let attempt = 0; !connection.closed && !connection.slow && connection.lags?.size; ) {
        const some = [...connection.lags].slice(0, sideBySide);
        const progress = await Promise.all(some.map(([log, lag]) => step(connection, log, lag)));
        if (progress.includes(true)) attempt = 0;
        else await deps.backoff(attempt++);
      }
    } catch {
      // Only backoff throws: the gateway stops, and with it the connection.
    } finally {
      // In the turn of the last look, so that nothing that comes to lag in between is overlooked.
      connection.catchingUp = false;
    }
  }

  return (connection) => {
    if (connection.catchingUp) return;
    connection.catchingUp = true;
    void run(connection);
  };
}

/** One page of one log. Answers whether anything came of it; false means wait before trying again. */
async function step(connection: Connection, log: LiveLog, lag: Lag): Promise<boolean> {
  const current = () => connection.lags?.get(log) === lag && !connection.closed;
  try {
    if (lag.after > log.seq && lag.until === undefined) {
      await log.refresh();
      if (!current()) return true;
    }
    const end = endOf(log, lag);
    // Where the person left and joined again meanwhile, the join starts it over anyway.
    if (lag.after > end && !lag.next) leap(connection, log, lag, lag.until ?? end + 1, true);
    else if (end - lag.after > lag.maxReplay) leap(connection, log, lag, end - keptByGap + 1, false);
    if (settle(connection, log, lag)) return true;

    const page = await log.page(lag.after);
    connection.traffic.catchUpPages += 1;
    if (!current()) return true;
    if (page.firstSeq > lag.after + 1) leap(connection, log, lag, page.firstSeq, false);
    const before = lag.after;
    write(connection, log, lag, page.frames);
    return settle(connection, log, lag) || connection.slow || lag.after > before;
  } catch {
    return false;
  }
}

function write(
  connection: Connection,
  log: LiveLog,
  lag: Lag,
  frames: readonly (Frames & { seq: number })[],
): void {
  const end = endOf(log, lag);
  let bytes = 0;
  for (const frame of frames) {
    if (frame.seq <= lag.after) continue;
    if (frame.seq > end || connection.slow) return;
    connection.push(frame);
    lag.after = frame.seq;
    bytes += frame.bytes(connection.sink.format).length;
    if (bytes > stride) {
      connection.flush();
      bytes = 0;
    }
  }
}

/** The last seq that may be written. */
function endOf(log: LiveLog, lag: Lag): number {
  return Math.min(log.seq, lag.until ?? Number.POSITIVE_INFINITY);
}

/** Leaves out everything before `nextSeq` and says so. */
function leap(connection: Connection, log: LiveLog, lag: Lag, nextSeq: number, reset: boolean): void {
  connection.traffic.gaps += 1;
  connection.push(
    createFrame({ kind: { case: "gap", value: { log: log.where, nextSeq: BigInt(nextSeq), reset } } }),
  );
  lag.after = nextSeq - 1;
}

/** Ends the lag if it is made up; answers whether it is. */
function settle(connection: Connection, log: LiveLog, lag: Lag): boolean {
  if (lag.until !== undefined) {
    if (lag.after < lag.until) return false;
    if (lag.next) {
      lag.next.announce ||= lag.announce;
      connection.lags?.set(log, lag.next);
    } else {
      connection.lags?.delete(log);
    }
    return true;
  }
  if (lag.after < log.seq) return false;
  if (lag.announce) {
    connection.push(
      createFrame({ kind: { case: "caughtUp", value: { log: log.where, seq: BigInt(lag.after) } } }),
    );
  }
  connection.lags?.delete(log);
  log.live.add(connection);
  return true;
}
