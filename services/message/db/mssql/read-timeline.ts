import type { MssqlCalls, ResultSets } from "../../../common/database/mssql-procedures.ts";
import { bytesToId, idToBytes, isId } from "../../../common/ids.ts";
import { type EventColumns, toEventRow } from "../event-row.ts";
import type { MssqlReads } from "./procedures.ts";

type TimelineReads = Pick<MssqlReads, "listTimeline" | "readTimeline">;

/** Timelines have no gaps, so pages are ranges, and whether there is more follows from the bounds. */
export function createTimelineReads(calls: MssqlCalls): TimelineReads {
  return {
    async listTimeline(roomId, userId, { after, before }, limit) {
      if (!isId(roomId) || !isId(userId)) return undefined;
      const parameters = {
        room_id: idToBytes(roomId),
        user_id: idToBytes(userId),
        after: after ?? null,
        before: before ?? null,
        limit,
      };
      const { head, rows } = toPage(await calls.read("message.read_timeline", parameters));
      return head && { rows, hasMore: head.has_more === 1 };
    },
    async readTimeline(roomId, after, limit) {
      if (!isId(roomId)) return { rows: [], headSeq: 0 };
      const parameters = { room_id: idToBytes(roomId), after, limit };
      const { head, rows } = toPage(await calls.read("message.read_timeline", parameters));
      return { rows, headSeq: (head?.head_seq as number | undefined) ?? 0 };
    },
  };
}

function toPage([heads = [], events = []]: ResultSets) {
  const [head] = heads;
  const stored = events as unknown as StoredEvent[];
  const rows = stored.map((row) => toEventRow(row, bytesToId(row.actor_id), () => subjectOf(row)));
  return { head, rows };
}

interface StoredEvent extends EventColumns {
  actor_id: Uint8Array;
  subject_id: Uint8Array | null;
}

function subjectOf({ subject_id: id, seq, kind }: StoredEvent): string {
  if (id === null) throw new Error(`event ${seq} of kind ${kind} is about nobody`);
  return bytesToId(id);
}
