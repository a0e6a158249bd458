import { Worker } from "node:worker_threads";
import type { Logger } from "pino";
import { UnavailableError } from "../errors.ts";
import { SequenceMap } from "../sequence-map.ts";
import { toDatabaseError } from "./sqlite-errors.ts";
import type { Failure } from "./sqlite-failure.ts";
import type { ReplyMessage, RequestMessage, ThreadRequest, ThreadSetup } from "./sqlite-protocol.ts";

/** The main thread's end of a database thread. */
export interface SqliteThread {
  /** Requests are answered in the order in which they are posted. */
  post(request: ThreadRequest): Promise<unknown>;
  /** Requests that were posted and not answered yet. */
  readonly pending: number;
  /** Closes the connection and ends the thread. */
  close(): Promise<void>;
}

export interface SqliteThreadDeps extends ThreadSetup {
  /** Shown by debuggers. */
  threadName: string;
  logger: Logger;
  /** The thread ended unasked. What it was asked is rejected, and whatever it will be. */
  onCrash: (error: Error) => void;
}

interface Waiting {
  request: ThreadRequest;
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
}

export function startSqliteThread(deps: SqliteThreadDeps): SqliteThread {
  const { role, path, erasureDelayMs, threadName, logger, onCrash } = deps;
  const setup: ThreadSetup = { role, path, erasureDelayMs };
  const worker = new Worker(new URL("./sqlite-worker.ts", import.meta.url), {
    name: threadName,
    workerData: setup,
    execArgv: [],
  });
  let waiting = new SequenceMap<Waiting>();
  const health = createHealthLog(logger);
  let lastId = 0;
  let over: Error | undefined;

  function end(error: Error): void {
    over ??= error;
    const given = waiting;
    waiting = new SequenceMap();
    for (const [, { reject }] of given.entries()) reject(over);
  }

  function crash(cause: Error): void {
    if (over) return;
    end(new UnavailableError(undefined, cause));
    onCrash(cause);
  }

  function settle(message: ReplyMessage): void {
    if (message.id === undefined) {
      logger.warn({ err: toDatabaseError(message.failure) }, message.notice);
      return;
    }
    const asked = waiting.get(message.id);
    if (!asked) return;
    waiting.delete(message.id);
    if (message.failure) {
      const error = toDatabaseError(message.failure);
      health.failed(error, message.failure);
      asked.reject(error);
    } else {
      health.succeeded(asked.request);
      asked.resolve(message.value);
    }
  }

  function post(request: ThreadRequest): Promise<unknown> {
    if (over) return Promise.reject(over);
    return new Promise((resolve, reject) => {
      lastId += 1;
      const message: RequestMessage = { id: lastId, request };
      // Throws for what can't be cloned, which rejects this request alone.
      worker.postMessage(message);
      waiting.set(lastId, { request, resolve, reject });
    });
  }

  worker.on("message", settle);
  worker.on("messageerror", crash);
  worker.on("error", (error) => crash(error instanceof Error ? error : new Error(String(error))));
  worker.on("exit", (code) => crash(new Error(`thread ${threadName} ended with exit code ${code}`)));

  return {
    post,
    get pending() {
      return waiting.size;
    },
    async close() {
      try {
        if (!over) await post({ type: "close" });
      } finally {
        end(new UnavailableError("the database is closed"));
        await worker.terminate();
      }
    },
  };
}

/** Callers are answered UNAVAILABLE, so why is logged here: when it begins, and when it is over. */
function createHealthLog(logger: Logger) {
  let failing = false;
  return {
    failed(error: Error, { rolledBack }: Failure) {
      if (failing || rolledBack || !(error instanceof UnavailableError)) return;
      failing = true;
      logger.error({ err: error.cause }, "database unavailable");
    },
    succeeded(request: ThreadRequest) {
      if (!failing || !provesHealth(request)) return;
      failing = false;
      logger.info("database works again");
    },
  };
}

/** Beginning a transaction and what is done in it succeed on a full disk too. */
function provesHealth(request: ThreadRequest): boolean {
  if (request.type === "statement") return !request.inTransaction;
  return request.type === "call" || request.type === "commit";
}
