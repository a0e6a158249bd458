import type { Logger } from "pino";
import { untilAborted } from "../until-aborted.ts";
import type { EventLog, EventRecord, PublicHeaders } from "./event-log.ts";
import { isOutage } from "./outage.ts";
import type { OutboxRow, OutboxStore, RenderOutboxRow } from "./outbox-rows.ts";
import { findTopic, type Topic } from "./topics.ts";

/** Publishes the rows that nobody is publishing. */
export interface OutboxSweeper {
  /**
   * One round over all rows that are due: those past their grace, and those from before this process. Does nothing while
   * another process has the lease. Throws what the store or the log throws; nothing is lost by that.
   */
  sweep(signal: AbortSignal): Promise<void>;
  /** Rows that it has published. */
  readonly rows: number;
}

export interface OutboxSweeperDeps {
  store: OutboxStore;
  log: Pick<EventLog, "publish">;
  render: RenderOutboxRow;
  /** On everything that is published. */
  headers?: PublicHeaders | undefined;
  logger: Logger;
  clock: () => number;
  graceMs: number;
  /** Whether this process is publishing the row or about to delete it. */
  isHeld: (id: number) => boolean;
}

const leaseMs = 10_000;
const rowsPerPage = 256;
/** Records are rendered and published by so many. */
const recordsPerBatch = 256;
/** How long a row that can't be rendered is left alone. */
const asideMs = 60_000;

/** What is published together, and the rows that are then done. */
interface Batch {
  topics: Map<Topic, EventRecord[]>;
  size: number;
  ids: number[];
}

export function createOutboxSweeper(deps: OutboxSweeperDeps): OutboxSweeper {
  const { store, log, render, logger, clock, graceMs, isHeld, headers } = deps;
  // Rows from before can't be under way in this process, so what a crash left is due at once. Where there are other
  // replicas some of theirs are published twice.
  const startedAt = clock();
  let published = 0;
  /** Rows that can't be rendered, and when they are tried again. */
  const aside = new Map<number, number>();

  const flush = async (batch: Batch, signal: AbortSignal): Promise<void> => {
    const publishing = [...batch.topics].map(([topic, records]) => log.publish(topic, records, headers));
    await untilAborted(Promise.all(publishing), signal);
    await store.delete(batch.ids);
    batch.topics.clear();
    batch.size = 0;
    batch.ids = [];
  };

  /** Throws UnrenderableRowError, or what the log or the store throws. */
  const add = async (batch: Batch, row: OutboxRow, signal: AbortSignal): Promise<void> => {
    const topic = findTopic(row.topic);
    if (topic === undefined) throw new UnrenderableRowError(`unknown topic ${row.topic}`);
    for (const part of slices(row)) {
      const records = await render(part).catch((error) => {
        throw isOutage(error) ? error : new UnrenderableRowError("rendering failed", error);
      });
      const gathered = batch.topics.get(topic);
      if (gathered === undefined) batch.topics.set(topic, [...records]);
      else gathered.push(...records);
      batch.size += records.length;
      if (batch.size >= recordsPerBatch) await flush(batch, signal);
    }
    batch.ids.push(row.id);
  };

  const publish = async (rows: readonly OutboxRow[], signal: AbortSignal): Promise<void> => {
    const batch: Batch = { topics: new Map(), size: 0, ids: [] };
    for (const row of rows) {
      signal.throwIfAborted();
      try {
        await add(batch, row, signal);
      } catch (error) {
        if (!(error instanceof UnrenderableRowError)) throw error;
        aside.set(row.id, clock() + asideMs);
        logger.error({ row, err: error }, "outbox row put aside");
      }
    }
    await flush(batch, signal);
  };

  return {
    async sweep(signal) {
      for (const [id, until] of aside) if (until <= clock()) aside.delete(id);
      const createdBefore = Math.max(startedAt, clock() - graceMs);
      let leased = false;
      let afterId = 0;
      for (;;) {
        signal.throwIfAborted();
        const rows = await store.listUnpublished({ createdBefore, afterId, limit: rowsPerPage });
        const due = rows.filter(({ id }) => !isHeld(id) && !aside.has(id));
        if (due.length > 0) {
          if (!(await store.acquireLease(leaseMs))) return;
          if (!leased) {
            // Read again: what another process swept until now is gone.
            leased = true;
            continue;
          }
          await publish(due, signal);
          published += due.length;
          logger.info({ rows: due.length }, "rows published by the sweeper");
        }
        if (rows.length < rowsPerPage) return;
        afterId = rows.at(-1)!.id;
      }
    },
    get rows() {
      return published;
    },
  };
}

class UnrenderableRowError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "UnrenderableRowError";
  }
}

function* slices(row: OutboxRow): Generator<OutboxRow> {
  for (let firstNumber = row.firstNumber; firstNumber <= row.lastNumber; firstNumber += recordsPerBatch) {
    yield { ...row, firstNumber, lastNumber: Math.min(row.lastNumber, firstNumber + recordsPerBatch - 1) };
  }
}
