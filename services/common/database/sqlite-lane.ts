import type { CallerSide } from "../caller-gone.ts";
import { UnavailableError } from "../errors.ts";
import type { ThreadRequest } from "./sqlite-protocol.ts";
import type { SqliteThread } from "./sqlite-thread.ts";

/**
 * The way to a thread. Its connection can have one transaction at a time, and a transaction of Kysely's takes several
 * requests. While one has the lane, whatever else is asked waits, first come first served: single requests and
 * transactions alike. Without one, requests go to the thread's own queue, as many as keep it busy: those that wait here
 * can still be given up.
 */
export interface SqliteLane {
  /** A request that leaves no transaction open. Rejects when its caller is gone by the time that its turn comes. */
  request(request: ThreadRequest, caller?: CallerSide): Promise<unknown>;
  /** Begins a transaction and holds the lane for it; likewise. */
  begin(caller?: CallerSide): Promise<SqliteTransaction>;
  /** Requests and transactions that are waiting or under way. */
  readonly load: number;
  /** Refuses what comes from now on, lets what was asked before finish, and `others` close. Ends the thread. */
  close(others?: Promise<unknown>): Promise<void>;
}

/** A transaction that has the lane. When nothing is asked of it for too long, it is rolled back. */
export interface SqliteTransaction {
  execute(sql: string, parameters: readonly unknown[]): Promise<unknown>;
  /** A commit that fails has rolled back. */
  commit(): Promise<void>;
  /** Never fails, and does nothing when the transaction is over. */
  rollback(): Promise<void>;
}

export interface SqliteLaneDeps {
  thread: SqliteThread;
  /** How long a transaction may ask nothing, in ms. */
  idleTimeoutMs: number;
}

/** In the thread's own queue: work for as long as this thread may be busy with something else. */
const maxPosted = 16;

export function createSqliteLane({ thread, idleTimeoutMs }: SqliteLaneDeps): SqliteLane {
  const queue: (() => void)[] = [];
  let held = false;
  let closed = false;

  function enter<T>(begin: () => Promise<T>, caller?: CallerSide): Promise<T> {
    const start = () => {
      if (caller?.failure !== undefined) return Promise.reject(caller.failure);
      const done = begin();
      done.then(advance, advance);
      return done;
    };
    if (mayStart() && queue.length === 0) return start();
    return new Promise((resolve) => {
      queue.push(() => resolve(start()));
    });
  }

  function mayStart(): boolean {
    return !held && thread.pending < maxPosted;
  }

  function advance(): void {
    while (mayStart()) {
      const next = queue.shift();
      if (!next) return;
      next();
    }
  }

  /** To be called once the last request of the transaction is posted: the thread keeps the order. */
  function leave(): void {
    held = false;
    advance();
  }

  async function hold(): Promise<SqliteTransaction> {
    held = true;
    try {
      await thread.post({ type: "begin" });
    } catch (error) {
      leave();
      throw error;
    }
    return createTransaction({ thread, idleTimeoutMs, leave });
  }

  function refuseClosed(): Promise<never> | undefined {
    return closed ? Promise.reject(new UnavailableError("the database is closed")) : undefined;
  }

  return {
    request: (request, caller) => refuseClosed() ?? enter(() => thread.post(request), caller),
    begin: (caller) => refuseClosed() ?? enter(hold, caller),
    get load() {
      return thread.pending + queue.length;
    },
    close(others) {
      closed = true;
      return enter(async () => {
        await others;
        await thread.close();
      });
    },
  };
}

function createTransaction(deps: SqliteLaneDeps & { leave: () => void }): SqliteTransaction {
  const { thread, idleTimeoutMs, leave } = deps;
  let over: Error | undefined;
  let underWay = 0;
  const idle = setTimeout(expire, idleTimeoutMs);

  function expire(): void {
    if (underWay > 0) return;
    const cause = new Error(`rolled back: nothing was asked in the transaction for ${idleTimeoutMs} ms`);
    void finish({ type: "rollback" }, new UnavailableError("the transaction took too long", cause)).catch(
      () => {
        // The thread is gone, and with it the transaction.
      },
    );
  }

  async function finish(request: ThreadRequest, reason: Error): Promise<void> {
    if (over) throw over;
    over = reason;
    clearTimeout(idle);
    const done = thread.post(request);
    leave();
    await done;
  }

  return {
    async execute(sql, parameters) {
      if (over) throw over;
      underWay += 1;
      try {
        return await thread.post({ type: "statement", sql, parameters, inTransaction: true });
      } finally {
        underWay -= 1;
        if (!over) idle.refresh();
      }
    },
    commit: () => finish({ type: "commit" }, new Error("the transaction is committed")),
    async rollback() {
      if (over) return;
      await finish({ type: "rollback" }, new Error("the transaction is rolled back")).catch(() => {
        // As above.
      });
    },
  };
}
