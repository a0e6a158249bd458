import type { ResultSets } from "../../../common/database/mssql-procedures.ts";
import { bytesToId } from "../../../common/ids.ts";
import {
  type AppendAnswer,
  type EventRow,
  eventKind,
  type FeedRow,
  type Op,
  type OpResult,
  type Refusal,
  type RoomChangeRow,
} from "../../types.ts";

/** Gathers what the calls of a batch answer: each row says by its columns what it tells of. */
export interface BatchAnswer {
  set(ordinal: number, result: OpResult): void;
  take(sets: ResultSets): void;
  /** Throws if an op has no answer. */
  finish(): AppendAnswer;
}

type Row = Record<string, unknown>;

export function createBatchAnswer(ops: readonly Op[]): BatchAnswer {
  const results = new Array<OpResult | undefined>(ops.length).fill(undefined);
  const feed: (readonly [userId: string, entry: FeedRow])[] = [];
  const timelineOutbox: number[] = [];
  const feedOutbox: number[] = [];
  /** The events that changes made, by the ordinal of their op. */
  const events = new Map<number, EventRow[]>();

  function takeEvent(row: Row): void {
    const ordinal = row.applied_ordinal as number;
    const op = ops[ordinal];
    const change = op?.[0] === "apply" && op[2].find(({ version }) => version === row.version);
    if (!change) throw new Error(`version ${row.version} of op ${ordinal} was not given`);
    const ofOp = events.get(ordinal) ?? [];
    events.set(ordinal, ofOp);
    ofOp.push(toEventRow(change, row));
  }

  function takeRow(row: Row): void {
    if ("ordinal" in row) results[row.ordinal as number] = toResult(row, events);
    else if ("applied_ordinal" in row) takeEvent(row);
    else if ("timeline_outbox" in row) timelineOutbox.push(row.timeline_outbox as number);
    else if ("feed_outbox" in row) feedOutbox.push(row.feed_outbox as number);
    else if ("feed_user_id" in row) feed.push([bytesToId(row.feed_user_id as Uint8Array), toFeedRow(row)]);
  }

  return {
    set(ordinal, result) {
      results[ordinal] = result;
    },
    take(sets) {
      for (const rows of sets) for (const row of rows) takeRow(row);
    },
    finish() {
      const answered = results.filter((result) => result !== undefined);
      const missing = results.length - answered.length;
      if (missing > 0) throw new Error(`${missing} ops of a batch were not answered`);
      return { results: answered, feed, timelineOutbox, feedOutbox };
    },
  };
}

function toResult(row: Row, events: ReadonlyMap<number, readonly EventRow[]>): OpResult {
  const { ordinal, outcome, seq, at, moved } = row as Record<"ordinal" | "seq" | "at" | "moved", number> & {
    outcome: string;
  };
  switch (outcome) {
    case "done":
    case "replayed":
      return [outcome, seq, at];
    case "read":
      return [outcome, seq, at, moved === 1];
    case "applied":
      return [outcome, seq, events.get(ordinal) ?? []];
    case "gap":
    case "conflict":
      return [outcome, seq];
    default:
      return ["refused", outcome as Refusal];
  }
}

function toEventRow({ kind, actorId, userId, role, name, topic }: RoomChangeRow, row: Row): EventRow {
  const text = kind === eventKind.roomUpdated ? name : userId;
  return [row.seq as number, kind, actorId, row.event_at as number, text, role, topic];
}

/** The columns that feed entries are read by. */
export function toFeedRow(row: Row): FeedRow {
  const invitation = row.invitation_id as Uint8Array | null;
  return [
    row.seq as number,
    row.at as number,
    row.kind as number,
    bytesToId(row.room_id as Uint8Array),
    row.number as number,
    invitation === null ? "" : bytesToId(invitation),
  ];
}
