import { pause } from "./abort.ts";
import { backoffMs } from "./backoff.ts";
import { Code } from "./code.ts";
import { toParleyError } from "./errors.ts";

/**
 * Hands on the items of one log (a room's timeline, or the feed) in order and each once, whatever comes: what it has had
 * it drops, what comes too early it holds back, and what is missing it fetches.
 */
export interface OrderedLog<T> {
  /** The seq of the last item handed on; undefined until one came. */
  readonly cursor: bigint | undefined;
  take(item: T): void;
  /** There are items up to this one: those that are missing are fetched. */
  expect(head: bigint): void;
  /** Goes on after this seq, without what is between. */
  skipTo(seq: bigint): void;
  /** Begins with a connection, and ends with it: what was held back will come again. */
  begin(signal: AbortSignal): void;
}

export interface OrderedLogDeps<T> {
  readonly cursor: bigint | undefined;
  /** A page of what is after one seq and before another, in order. */
  fetch(after: bigint, before: bigint, signal: AbortSignal): Promise<readonly T[]>;
  deliver(item: T): void;
  /** What is missing isn't there any more, or isn't for one: the log is skipped to its head as it was known. */
  lost(error: unknown): void;
}

/** Further ones are fetched rather than held. */
const maxHeld = 1000;
/** What is missing may be on its way: after a resume, say. */
const repairAfterMs = 100;

export function createOrderedLog<T extends { readonly seq: bigint }>(deps: OrderedLogDeps<T>): OrderedLog<T> {
  let { cursor } = deps;
  let head = cursor ?? 0n;
  let signal: AbortSignal | undefined;
  let repairing: AbortSignal | undefined;
  const held = new Map<bigint, T>();

  function handOn(item: T): void {
    cursor = item.seq;
    if (head < item.seq) head = item.seq;
    deps.deliver(item);
  }

  function drain(): void {
    while (cursor !== undefined) {
      const next = held.get(cursor + 1n);
      if (!next) break;
      held.delete(next.seq);
      handOn(next);
    }
    if (held.size > 0 && cursor !== undefined) dropUpTo(cursor);
  }

  function dropUpTo(seq: bigint): void {
    for (const each of held.keys()) if (each <= seq) held.delete(each);
  }

  async function repair(during: AbortSignal): Promise<void> {
    await pause(repairAfterMs, during);
    for (let attempt = 0; !during.aborted && cursor !== undefined && cursor < head; ) {
      const before = lowestHeld() ?? head + 1n;
      const from: bigint = cursor;
      try {
        for (const item of await deps.fetch(from, before, during)) {
          if (during.aborted) return;
          if (item.seq === cursor + 1n) handOn(item);
        }
        drain();
        attempt = 0;
        if (cursor === from && cursor < head) lose(undefined);
      } catch (error) {
        if (during.aborted) return;
        const { code, retryAfter } = toParleyError(error);
        if (isFinal(code)) return lose(error);
        await pause(retryAfter ?? backoffMs(attempt++), during);
      }
    }
  }

  function lowestHeld(): bigint | undefined {
    let lowest: bigint | undefined;
    for (const seq of held.keys()) if (lowest === undefined || seq < lowest) lowest = seq;
    return lowest;
  }

  function lose(error: unknown): void {
    skipTo(head);
    deps.lost(error);
  }

  function skipTo(seq: bigint): void {
    cursor = seq;
    head = seq;
    held.clear();
  }

  function repairIfMissing(): void {
    if (cursor === undefined || cursor >= head || !signal || signal.aborted || repairing === signal) return;
    const during = signal;
    repairing = during;
    void repair(during).finally(() => {
      if (repairing !== during) return;
      repairing = undefined;
      repairIfMissing();
    });
  }

  return {
    get cursor() {
      return cursor;
    },
    take(item) {
      cursor ??= item.seq - 1n;
      if (item.seq <= cursor) return;
      if (item.seq === cursor + 1n) {
        handOn(item);
        drain();
        return;
      }
      if (head < item.seq) head = item.seq;
      if (held.size < maxHeld) held.set(item.seq, item);
      repairIfMissing();
    },
    expect(seq) {
      cursor ??= seq;
      if (head < seq) head = seq;
      repairIfMissing();
    },
    skipTo,
    begin(during) {
      signal = during;
      held.clear();
      head = cursor ?? 0n;
    },
  };
}

/** Asking again would be answered the same. */
function isFinal(code: Code): boolean {
  return (
    code === Code.NotFound ||
    code === Code.InvalidArgument ||
    code === Code.PermissionDenied ||
    code === Code.FailedPrecondition
  );
}
