import type { MessageItem, NoticeItem, OutgoingMessage, TimelineItem } from "../../../../client/index.ts";
import { dayKey } from "../text/time.ts";

/** A row of the timeline. Its key stays while older and newer ones come and go around it. */
export type Row =
  | { readonly kind: "start"; readonly key: string }
  | MessageRow
  | NoticeRow
  | {
      readonly kind: "outgoing";
      readonly key: string;
      readonly message: OutgoingMessage;
      readonly isFirst: boolean;
    };

interface Headed {
  readonly key: string;
  /** The first of its day, which is written above it. */
  readonly startsDay: boolean;
  /** The first that is unread, which is marked above it. */
  readonly startsUnread: boolean;
}

export interface MessageRow extends Headed {
  readonly kind: "message";
  readonly item: MessageItem;
  /** It names its author: the one before is of another, or was long ago. */
  readonly isFirst: boolean;
}

export interface NoticeRow extends Headed {
  readonly kind: "notice";
  /** More than one where people came in a row. */
  readonly items: readonly NoticeItem[];
}

export interface RowSource {
  readonly messages: readonly TimelineItem[];
  readonly outgoing: readonly OutgoingMessage[];
  readonly hasOlder: boolean;
  readonly hasNewer: boolean;
  /** What is after it is unread; undefined if nothing is to be marked. */
  readonly unreadAfter: bigint | undefined;
  readonly myId: string;
  /** In a room of two it goes without saying who came. */
  readonly isDirect: boolean;
}

/** Messages of one person within this time stand together under one name. */
const groupMs = 5 * 60_000;

export function buildRows(source: RowSource): readonly Row[] {
  const { messages, outgoing, hasOlder, hasNewer, unreadAfter, myId, isDirect } = source;
  const rows: Row[] = hasOlder ? [] : [{ kind: "start", key: "start" }];
  let last: { authorId: string; at: Date } | undefined;
  let day = "";
  let isMarked = unreadAfter === undefined;
  for (const item of messages) {
    if (item.kind === "notice" && isDirect) continue;
    const startsDay = dayKey(item.at) !== day;
    day = dayKey(item.at);
    if (item.kind === "notice") {
      addNotice(rows, item, startsDay);
      last = undefined;
      continue;
    }
    const startsUnread = !isMarked && !item.mine && item.seq > unreadAfter!;
    isMarked ||= startsUnread;
    const goesOn = !startsDay && !startsUnread && !item.replyTo && isSoonAfter(last, item.authorId, item.at);
    // One's own keeps its row when it has come from the server.
    const key = item.mine ? item.clientId : String(item.seq);
    rows.push({ kind: "message", key, item, startsDay, startsUnread, isFirst: !goesOn });
    last = { authorId: item.authorId, at: item.at };
  }
  // What one has just sent stands at the end, which isn't here while one reads what was earlier.
  if (hasNewer) return rows;
  for (const message of outgoing) {
    const goesOn = message.replyToSeq === undefined && isSoonAfter(last, myId, message.createdAt);
    rows.push({ kind: "outgoing", key: message.clientId, message, isFirst: !goesOn });
    last = { authorId: myId, at: message.createdAt };
  }
  return rows;
}

function isSoonAfter(last: { authorId: string; at: Date } | undefined, authorId: string, at: Date): boolean {
  return last?.authorId === authorId && at.getTime() - last.at.getTime() < groupMs;
}

/** People whom one person brought in one after another are one line. */
function addNotice(rows: Row[], item: NoticeItem, startsDay: boolean): void {
  const before = rows.at(-1);
  if (!startsDay && before?.kind === "notice" && isAddition(item) && before.items.every(isAddition)) {
    if (before.items[0]!.actorId === item.actorId) {
      rows[rows.length - 1] = { ...before, items: [...before.items, item] };
      return;
    }
  }
  rows.push({ kind: "notice", key: String(item.seq), items: [item], startsDay, startsUnread: false });
}

function isAddition({ notice, actorId }: NoticeItem): boolean {
  return notice.type === "joined" && notice.userId !== actorId;
}
