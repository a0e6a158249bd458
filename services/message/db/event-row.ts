import { type EventRow, eventKind } from "../types.ts";
import type { EventTable } from "./tables.ts";

/** Of a row what is the same on each database: all but the people, whom each knows by other names. */
export type EventColumns = Pick<
  EventTable,
  | "seq"
  | "kind"
  | "at"
  | "reply_to_seq"
  | "target_seq"
  | "role"
  | "client_id"
  | "emoji"
  | "name"
  | "topic"
  | "text"
>;

/** `subjectId` is asked only for events that are about somebody. */
export function toEventRow(row: EventColumns, actorId: string, subjectId: () => string): EventRow {
  const { seq, kind, at } = row;
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
    default:
      return [seq, kind, actorId, at, subjectId(), row.role ?? 0, ""];
  }
}
