import type { Logger } from "pino";
import { type CallerSide, currentCaller, forEverybody } from "../common/caller-gone.ts";
import type { Database } from "../common/database/database.ts";
import { OverloadedError, UnavailableError } from "../common/errors.ts";
import type { EventRecord } from "../common/events/event-log.ts";
import type { Outbox, OutboxEntry } from "../common/events/outbox.ts";
import { feedTopic, timelineTopic } from "../common/events/topics.ts";
import type { Metrics } from "../common/metrics.ts";
import { type Span, type Tracer, traceIdOf } from "../common/tracing.ts";
import { measureCommits } from "./commit-metrics.ts";
import type { ReadProcedures, WriteProcedures } from "./db/procedures.ts";
import type { MessageTables } from "./db/tables.ts";
import { eventOf, toFeedEntry, toTimelineEvent } from "./events.ts";
import type { AppendAnswer, MemberOp, Op, OpResult, ResultOf } from "./types.ts";

export type MessageDatabase = Database<MessageTables, WriteProcedures, ReadProcedures>;

/**
 * The group commit: everything that is written to timelines goes through here. What arrives while batches are being
 * committed waits and goes together into the next one, so batches grow with the load and nobody waits for a timer.
 *
 * Two batches are under way, more when they are full: the database's thread does one while this thread answers for the
 * one before and hands over the next. Batches are done in the order in which they were handed over, and ops in the order
 * of their batch.
 *
 * An op is answered when its batch is durable, and what the batch wrote is published at once, from memory. A batch that
 * fails has changed nothing, as far as its ops are concerned: when the database is at fault all of them are told
 * UNAVAILABLE; anything else is an error of one of them, so that each is done again alone, in order, and only the one is
 * refused.
 *
 * What waits for a caller who is gone is left out of its batch, and told why.
 */
export interface TimelineQueue {
  /** `settle` is called once, later. Throws OverloadedError when too much waits. */
  push(op: Op, settle: (outcome: OpResult | Error) => void, traceparent?: string | undefined): void;
  append<O extends Op>(op: O): Promise<ResultOf<O>>;
  /** When something was last committed that may make work due, on the clock of `performance.now`. */
  readonly lastWriteAt: number;
  /** Resolves when everything that was pushed is settled. */
  idle(): Promise<void>;
}

export interface TimelineQueueDeps {
  database: Pick<MessageDatabase, "call">;
  outbox: Pick<Outbox, "committed" | "takePublished">;
  logger: Logger;
  metrics?: Metrics | undefined;
  tracer?: Tracer | undefined;
}

interface Entry {
  readonly op: Op;
  readonly settle: (outcome: OpResult | Error) => void;
  readonly traceparent: string | undefined;
  readonly caller: CallerSide | undefined;
}

const maxUnderWay = 2;
/** Full batches may be as many, so that the database has work while this thread is busy with what came meanwhile. */
const maxFullUnderWay = 4;
/** Half of all that is there, so that two batches take it all, within these bounds: a batch costs by the pages it touches. */
const minFullBatch = 64;
const maxBatch = 512;
/** About a second's work, twice what one gateway lets in. */
const maxWaiting = 20_000;

export function createTimelineQueue({
  database,
  outbox,
  logger,
  metrics,
  tracer,
}: TimelineQueueDeps): TimelineQueue {
  let waiting: Entry[] = [];
  let underWay = 0;
  let unsettled = 0;
  let scheduled = false;
  let lastWriteAt = Number.NEGATIVE_INFINITY;
  /** Batches that failed and are done again one by one. */
  let redone = 0;
  let onIdle: (() => void)[] = [];
  const commits = metrics && measureCommits(metrics, { waiting: () => waiting.length });

  function mayCommit(): boolean {
    return (
      redone === 0 &&
      waiting.length > 0 &&
      underWay < (waiting.length < maxBatch ? maxUnderWay : maxFullUnderWay)
    );
  }

  /** At the end of the turn, so that what one request of a gateway brought goes together. */
  function schedule(): void {
    if (scheduled || !mayCommit()) return;
    scheduled = true;
    queueMicrotask(pump);
  }

  function pump(): void {
    scheduled = false;
    while (mayCommit()) {
      const half = Math.max(minFullBatch, Math.ceil(unsettled / 2));
      const size = underWay < maxUnderWay ? Math.min(half, maxBatch) : maxBatch;
      const taken = waiting.length <= size ? waiting : waiting.slice(0, size);
      waiting = waiting.slice(taken.length);
      const batch = taken.some(isGone) ? withoutGone(taken) : taken;
      if (batch.length > 0) void forEverybody(() => commit(batch));
    }
  }

  async function commit(batch: readonly Entry[]): Promise<void> {
    underWay += 1;
    const started = commits && performance.now();
    const span = tracer && traceCommit(tracer, batch);
    const answer = await append(batch).catch((error: Error) => refuse(batch, error));
    span?.end(answer ? undefined : "FAILED");
    if (started !== undefined) commits?.ended(batch, started, answer?.results);
    // The database has its next batch before this one is answered for.
    underWay -= 1;
    pump();
    if (answer) answerFor(batch, answer);
  }

  function withoutGone(entries: readonly Entry[]): Entry[] {
    for (const entry of entries) if (entry.caller?.failure) settle(entry, entry.caller.failure);
    return entries.filter((entry) => !isGone(entry));
  }

  function append(batch: readonly Entry[]): Promise<AppendAnswer> {
    const ops = batch.map(({ op }) => op);
    return database.call("append", ops, outbox.takePublished());
  }

  function answerFor(batch: readonly Entry[], answer: AppendAnswer): void {
    if (!answer.results.every(foundNothing)) lastWriteAt = performance.now();
    for (const [index, entry] of batch.entries()) settle(entry, answer.results[index]!);
    outbox.committed(announcements(batch, answer));
  }

  async function refuse(batch: readonly Entry[], error: Error): Promise<void> {
    if (error instanceof UnavailableError) {
      for (const entry of batch) settle(entry, error);
    } else if (batch.length > 1) {
      // Behind what is under way, and before all else.
      redone += 1;
      for (const entry of batch) await appendAlone(entry);
      redone -= 1;
    } else {
      for (const entry of batch) {
        const traceId = traceIdOf(entry.traceparent);
        logger.error({ err: error, op: entry.op[0], traceId }, "write failed");
        settle(entry, error);
      }
    }
  }

  async function appendAlone(entry: Entry): Promise<void> {
    const answer = await append([entry]).catch((error: Error) => refuse([entry], error));
    if (answer) answerFor([entry], answer);
  }

  function settle(entry: Entry, outcome: OpResult | Error): void {
    entry.settle(outcome);
    unsettled -= 1;
    if (unsettled > 0) return;
    for (const resolve of onIdle) resolve();
    onIdle = [];
  }

  function push(op: Op, settle: Entry["settle"], traceparent?: string | undefined): void {
    if (waiting.length >= maxWaiting) throw new OverloadedError();
    unsettled += 1;
    waiting.push({ op, settle, traceparent, caller: currentCaller() });
    schedule();
  }

  return {
    push,
    append: <O extends Op>(op: O) =>
      new Promise<ResultOf<O>>((resolve, reject) => {
        push(op, (outcome) => {
          if (outcome instanceof Error) reject(outcome);
          else resolve(outcome as ResultOf<O>);
        });
      }),
    get lastWriteAt() {
      return lastWriteAt;
    },
    idle() {
      if (unsettled === 0) return Promise.resolve();
      return new Promise((resolve) => onIdle.push(resolve));
    },
  };
}

/** Whether it looked for what is due, and nothing was: what is announced makes more due, as a room's deletion its erasure. */
function foundNothing(result: OpResult): boolean {
  return result[0] === "announced" && result[1] === 0;
}

function isGone({ caller }: Entry): boolean {
  return caller?.failure !== undefined;
}

/** In the trace of its first traced write, and linked to the others. */
function traceCommit(tracer: Tracer, batch: readonly Entry[]): Span | undefined {
  const [parent, ...links] = batch.flatMap(({ traceparent }) => traceparent ?? []);
  if (parent === undefined) return undefined;
  return tracer.start("message commit", { parent, links, attributes: { "parley.batch_size": batch.length } });
}

/** What a batch has to tell, as the event log takes it. */
function announcements(batch: readonly Entry[], answer: AppendAnswer): OutboxEntry[] {
  const entries: OutboxEntry[] = [];
  if (answer.timelineOutbox.length > 0) {
    const records = timelineRecords(batch, answer.results);
    entries.push({ ids: answer.timelineOutbox, topic: timelineTopic, records });
  }
  if (answer.feedOutbox.length > 0) {
    const records = answer.feed.map(([key, row]) => ({ key, number: row[0], message: toFeedEntry(row) }));
    entries.push({ ids: answer.feedOutbox, topic: feedTopic, records });
  }
  return entries;
}

function timelineRecords(batch: readonly Entry[], results: readonly OpResult[]): EventRecord[] {
  const records: EventRecord[] = [];
  for (const [index, result] of results.entries()) {
    const { op, traceparent } = batch[index]!;
    if (result[0] === "done") {
      const [roomId, seq] = [(op as MemberOp)[1], result[1]];
      const record = { key: roomId, number: seq, message: eventOf(op as MemberOp, seq, result[2]) };
      records.push(traceparent === undefined ? record : { ...record, headers: { traceparent } });
    } else if (result[0] === "applied" && op[0] === "apply") {
      for (const row of result[2]) {
        records.push({ key: op[1], number: row[0], message: toTimelineEvent(op[1], row) });
      }
    }
  }
  return records;
}
