import type { MssqlCalls, ResultSets } from "../../../common/database/mssql-procedures.ts";
import { bytesToId, idToBytes, isId } from "../../../common/ids.ts";
import { type EventRow, eventKind } from "../../types.ts";
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
  return { head, rows: (events as unknown as StoredEvent[]).map(toEventRow) };
}

interface StoredEvent {
  seq: number;
  kind: number;
  actor_id: Uint8Array;
  at: number;
  reply_to_seq: number | null;
  target_seq: number | null;
  subject_id: Uint8Array | null;
  role: number | null;
  client_id: string | null;
  emoji: string | null;
  name: string | null;
  topic: string | null;
  text: string | null;
}

function toEventRow(row: StoredEvent): EventRow {
  const { seq, kind, at } = row;
  const actorId = bytesToId(row.actor_id);
  switch (kind) {
    case eventKind.messagePosted:
      return [seq, kind, actorId, at, row.text, row.reply_to_seq ?? 0, row.client_id ?? ""];
    case eventKind.messageEdited:
      return [seq, kind, actorId, at, row.text, row.target_seq ?? 0, ""];
    case eventKind.messageDeleted:
    case eventKind.reactionAdded:
    case eventKind.reactionRemoved:
      return [seq, kind, actorId, at, row.emoji, row.target_seq ?? 0, ""];
    case eventKind.roomUpdated:
      return [seq, kind, actorId, at, row.name, 0, row.topic ?? ""];
    case eventKind.roomDeleted:
      return [seq, kind, actorId, at, "", 0, ""];
    default: {
      if (row.subject_id === null) throw new Error(`event ${seq} of kind ${kind} is about nobody`);
      return [seq, kind, actorId, at, bytesToId(row.subject_id), row.role ?? 0, ""];
    }
  }
}
