/**
 * The end of one gap-free log, in order: a room's timeline or a person's feed, as one gateway follows it.
 *
 * Items arrive in any order, late, twice or not at all. `deliver` gets each seq exactly once, rising by one from where
 * the tail was opened: what is known already is dropped, what is ahead waits while the hole before it is read from the
 * log. A hole that nothing reveals (the last item was lost) is closed by `reach`, called with a head learned elsewhere.
 *
 * Runs on one event loop and is never re-entered: `deliver` must not call the tail it is of.
 */
export interface Tail<T> {
  /** The last seq delivered. */
  readonly seq: number;
  /** Items up to here are known to exist. */
  readonly target: number;
  /** Items that arrived. */
  receive(items: readonly T[]): void;
  /** The log is known to reach `head`: reads what is missing. Resolves when it is delivered, or the tail is closed. */
  reach(head: number): Promise<void>;
  close(): void;
}

export interface TailDeps<T> {
  /** Where to begin: the first item delivered is `after + 1`. */
  after: number;
  seqOf(item: T): number;
  deliver(items: readonly T[]): void;
  /** Reads items after a seq, in order and without a hole, at most some hundreds. Retried by the tail when it throws. */
  read(after: number): Promise<readonly T[]>;
  /** Waits before the n-th retry (from 0); rejects when the tail's owner stops. */
  backoff(attempt: number): Promise<void>;
}

/** How many items ahead of a hole are kept; further ones are read from the log again. */
const maxAhead = 1000;

export function createTail<T>(deps: TailDeps<T>): Tail<T> {
  let seq = deps.after;
  let target = deps.after;
  let closed = false;
  let repair: Promise<void> | undefined;
  const ahead = new Map<number, T>();

  /** Delivers what is next of these, and then what waited for it. */
  function accept(items: readonly T[]): void {
    const run: T[] = [];
    let next = seq + 1;
    for (const item of items) {
      const at = deps.seqOf(item);
      if (at === next) {
        run.push(item);
        next++;
      } else if (at > next) {
        target = Math.max(target, at);
        if (ahead.size < maxAhead) ahead.set(at, item);
      }
    }
    for (let item = ahead.get(next); item !== undefined; item = ahead.get(next)) {
      run.push(item);
      ahead.delete(next++);
    }
    if (run.length === 0) return;
    seq = next - 1;
    deps.deliver(run);
    if (ahead.size > 0) for (const at of ahead.keys()) if (at <= seq) ahead.delete(at);
  }

  async function fill(): Promise<void> {
    for (let attempt = 0; seq < target && !closed; ) {
      try {
        const before = seq;
        const items = await deps.read(seq);
        if (closed) return;
        accept(items);
        // The log answered with less than is known to exist: it is read again, later.
        if (seq > before) attempt = 0;
        else if (seq < target) await deps.backoff(attempt++);
      } catch {
        if (closed) return;
        await deps.backoff(attempt++);
      }
    }
  }

  function startRepair(): Promise<void> {
    repair ??= fill()
      .catch(() => {
        // Only backoff throws out of fill: the owner stops.
        closed = true;
      })
      .finally(() => {
        repair = undefined;
      });
    return repair;
  }

  return {
    get seq() {
      return seq;
    },
    get target() {
      return target;
    },
    receive(items) {
      if (closed) return;
      accept(items);
      if (seq < target) void startRepair();
    },
    async reach(head) {
      target = Math.max(target, head);
      while (seq < head && !closed) await startRepair();
    },
    close() {
      closed = true;
      ahead.clear();
    },
  };
}
