import { timestampDate, timestampMs } from "@bufbuild/protobuf/wkt";
import type { Message } from "#gen/parley/message/v1/message_pb.js";
import type { TimelineEvent } from "#gen/parley/message/v1/timeline_pb.js";
import type { LastMessage } from "./types.ts";

/** What an inbox says of a room, as of its `lastSeq`. */
export interface RoomNumbers {
  readonly unread: number;
  readonly readSeq: bigint;
  readonly lastSeq: bigint;
  /** When something was last said, in ms since 1970. */
  readonly at: number;
  readonly lastMessage?: LastMessage;
}

/** After one more event. `isUnsure`: it deleted the last message, and the one before has to be asked for. */
export function numbersAfter(
  before: RoomNumbers,
  { seq, actorId, at, body }: TimelineEvent,
  userId: string | undefined,
): { numbers: RoomNumbers; isUnsure: boolean } {
  const numbers = { ...before, lastSeq: seq };
  const last = before.lastMessage;
  if (body.case === "messagePosted") {
    const ms = at ? timestampMs(at) : 0;
    const isUnread = actorId !== userId && seq > before.readSeq;
    const { text, erased } = body.value;
    return {
      numbers: {
        ...numbers,
        at: ms,
        unread: before.unread + (isUnread ? 1 : 0),
        ...(!erased && { lastMessage: { seq, authorId: actorId, text, sentAt: new Date(ms) } }),
      },
      isUnsure: false,
    };
  }
  if (body.case === "messageEdited" && last && body.value.messageSeq === last.seq)
    return { numbers: { ...numbers, lastMessage: { ...last, text: body.value.text } }, isUnsure: false };
  if (body.case === "messageDeleted" && last && body.value.messageSeq === last.seq) {
    const { lastMessage: _, ...without } = numbers;
    return { numbers: without, isUnsure: true };
  }
  return { numbers, isUnsure: false };
}

export function lastMessageOf({ seq, authorId, text, sentAt }: Message): LastMessage {
  return { seq, authorId, text, sentAt: sentAt ? timestampDate(sentAt) : new Date(0) };
}
