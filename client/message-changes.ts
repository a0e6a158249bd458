import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { TimelineEvent } from "#gen/parley/message/v1/timeline_pb.js";
import type { MessageItem, ReactionCount } from "./room-types.ts";

/**
 * What later events made of messages. Events may be counted in any order, each once: a page of older ones comes after
 * the newer ones.
 */
export interface Changes {
  /** Counts an event; the seq of the message that it changes, undefined if it changes none. */
  count(event: TimelineEvent): bigint | undefined;
  isChange(event: TimelineEvent): boolean;
  /** The message that was posted so. */
  of(seq: bigint, text: string, isErased: boolean): MessageState;
  readonly size: number;
}

export type MessageState = Pick<MessageItem, "text" | "deleted" | "reactions" | "editedAt">;

interface Change {
  text?: string;
  /** The seq of the edit that it is of. */
  textSeq: bigint;
  editedAt?: Date;
  isDeleted: boolean;
  readonly reactions: Map<string, Reaction>;
}

interface Reaction {
  /** Below 0 while the event that added is still to come. */
  count: number;
  /** The seq of the first event that added it. */
  firstSeq: bigint;
  mine: boolean;
  /** The seq of one's own last event. */
  mineSeq: bigint;
}

const none: readonly ReactionCount[] = [];

export function createChanges(userId: () => string | undefined): Changes {
  const changes = new Map<bigint, Change>();

  function changeOf(seq: bigint): Change {
    const known = changes.get(seq) ?? { textSeq: 0n, isDeleted: false, reactions: new Map() };
    changes.set(seq, known);
    return known;
  }

  function react(target: bigint, { seq, actorId }: TimelineEvent, emoji: string, isAdded: boolean): void {
    const { reactions } = changeOf(target);
    const known = reactions.get(emoji) ?? { count: 0, firstSeq: seq, mine: false, mineSeq: 0n };
    reactions.set(emoji, known);
    known.count += isAdded ? 1 : -1;
    if (seq < known.firstSeq) known.firstSeq = seq;
    if (actorId === userId() && seq > known.mineSeq) {
      known.mine = isAdded;
      known.mineSeq = seq;
    }
  }

  return {
    count(event) {
      const { seq, at, body } = event;
      if (body.case === "messageEdited") {
        const change = changeOf(body.value.messageSeq);
        if (seq > change.textSeq) {
          change.text = body.value.text;
          change.textSeq = seq;
          if (at) change.editedAt = timestampDate(at);
        }
      } else if (body.case === "messageDeleted") changeOf(body.value.messageSeq).isDeleted = true;
      else if (body.case === "reactionAdded") react(body.value.messageSeq, event, body.value.emoji, true);
      else if (body.case === "reactionRemoved") react(body.value.messageSeq, event, body.value.emoji, false);
      return targetOf(event);
    },
    isChange: (event) => targetOf(event) !== undefined,
    of(seq, text, isErased) {
      const change = changes.get(seq);
      if (isErased || change?.isDeleted) return { text: "", deleted: true, reactions: none };
      if (!change) return { text, deleted: false, reactions: none };
      return {
        text: change.text ?? text,
        deleted: false,
        reactions: countsOf(change),
        ...(change.editedAt && { editedAt: change.editedAt }),
      };
    },
    get size() {
      return changes.size;
    },
  };
}

function countsOf({ reactions }: Change): readonly ReactionCount[] {
  return [...reactions]
    .filter(([, { count }]) => count > 0)
    .sort(([, a], [, b]) => (a.firstSeq < b.firstSeq ? -1 : 1))
    .map(([emoji, { count, mine }]) => ({ emoji, count, mine }));
}

function targetOf({ body }: TimelineEvent): bigint | undefined {
  if (
    body.case === "messageEdited" ||
    body.case === "messageDeleted" ||
    body.case === "reactionAdded" ||
    body.case === "reactionRemoved"
  )
    return body.value.messageSeq;
  return undefined;
}
