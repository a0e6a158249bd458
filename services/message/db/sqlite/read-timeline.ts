import type { DatabaseSync } from "node:sqlite";
import type { EventRow, SeqBounds } from "../../types.ts";
import { type EventColumns, toEventRow } from "../event-row.ts";
import type { ReadProcedures } from "../procedures.ts";
import type { Access } from "./read-rooms.ts";

type TimelineReads = Pick<ReadProcedures, "listTimeline" | "readTimeline">;

/** Timelines have no gaps, so pages are ranges, and whether there is more follows from the bounds. */
export function createTimelineReads(db: DatabaseSync, access: Access): TimelineReads {
  const select = db.prepare(`
    select seq, kind, actor_no, at, reply_to_seq, target_seq, subject_no, role, client_id, emoji, name, topic, text
    from event where room_no = ? and seq > ? and seq <= ?`);

  function range(roomNo: number, after: number, upTo: number): EventRow[] {
    if (upTo <= after) return [];
    const rows = select.all(roomNo, after, upTo) as unknown as StoredEvent[];
    return rows.map((row) =>
      toEventRow(row, access.userId(row.actor_no), () => access.userId(row.subject_no ?? 0)),
    );
  }

  return {
    listTimeline(roomId, userId, bounds, limit) {
      const room = access.roomOf(roomId, userId);
      if (room === undefined) return undefined;
      const { after, upTo, backward } = resolveBounds(bounds, room.headSeq);
      const start = backward ? Math.max(after, upTo - limit) : after;
      const end = backward ? upTo : Math.min(upTo, after + limit);
      return { rows: range(room.roomNo, start, end), hasMore: backward ? start > after : end < upTo };
    },
    readTimeline(roomId, after, limit) {
      const room = access.room(roomId);
      if (room === undefined) return { rows: [], headSeq: 0 };
      const upTo = Math.min(room.headSeq, after + limit);
      return { rows: range(room.roomNo, after, upTo), headSeq: room.headSeq };
    },
  };
}

export interface Range {
  readonly after: number;
  /** Included. */
  readonly upTo: number;
  /** The page is the end of the range, not its beginning. */
  readonly backward: boolean;
}

/** What the bounds of a page mean: with a lower one it begins there, without it ends at the upper one. */
export function resolveBounds({ after, before }: SeqBounds, headSeq: number): Range {
  const upTo = before === undefined ? headSeq : Math.max(0, Math.min(headSeq, before - 1));
  return { after: Math.min(after ?? 0, upTo), upTo, backward: after === undefined };
}

interface StoredEvent extends EventColumns {
  actor_no: number;
  subject_no: number | null;
}
