import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { TimelineEvent } from "#gen/parley/message/v1/timeline_pb.js";
import { type Changes, createChanges } from "./message-changes.ts";
import { noticeOf } from "./notices.ts";
import type { MessageItem, ReplyPreview, TimelineItem } from "./room-types.ts";

/**
 * A room's timeline folded into messages and notices, of which a window is kept.
 *
 * Every event from the oldest that was ever loaded to the newest has been seen (`oldest` to `newest`). What changes a
 * message comes after it, so the changes of all messages in that span are known, and are counted once: a page that is
 * loaded again within the span brings back items that the window had lost, and no changes.
 */
export interface Timeline {
  /** Forgets everything and begins with the newest page. */
  begin(events: readonly TimelineEvent[]): void;
  /** The next event. False, and unchanged, if it isn't the next. */
  append(event: TimelineEvent): boolean;
  /** The page before the window. */
  addOlder(events: readonly TimelineEvent[]): void;
  /** The page after the window. */
  addNewer(events: readonly TimelineEvent[]): void;
  /** The window isn't to lose what is from this seq on to what is appended; without one, it goes along. */
  keepFrom(seq: bigint | undefined): void;
  /** A message that is quoted and not in the window. */
  quote(seq: bigint, preview: Quoted): void;
  /** Quoted messages that aren't known. */
  missingQuotes(): bigint[];
  readonly items: readonly TimelineItem[];
  readonly hasOlder: boolean;
  readonly hasNewer: boolean;
  /** First and last seq of the window. */
  readonly low: bigint;
  readonly high: bigint;
  /** The last event seen. */
  readonly newest: bigint;
  /** Whether it is to keep something. */
  readonly isKept: boolean;
  /** How many changed messages are remembered. */
  readonly remembered: number;
}

export type Quoted = NonNullable<ReplyPreview["preview"]>;

interface Entry {
  readonly event: TimelineEvent;
  readonly quotes: bigint | undefined;
  /** As last built. */
  item: TimelineItem | undefined;
}

export function createTimeline(userId: () => string | undefined, maxItems: number): Timeline {
  let entries: Entry[] = [];
  let changes: Changes = createChanges(userId);
  let quoted = new Map<bigint, Quoted>();
  let [oldest, newest, low, high] = [1n, 0n, 1n, 0n];
  let keptFrom: bigint | undefined;

  /** Counts what an event changes; true if it is an item itself. */
  function count(event: TimelineEvent): boolean {
    const target = changes.count(event);
    if (target === undefined) return true;
    requote(target, event);
    forget((entry) => entry.event.seq === target || entry.quotes === target);
    return false;
  }

  function requote(target: bigint, { body }: TimelineEvent): void {
    const known = quoted.get(target);
    if (known && body.case === "messageEdited") quoted.set(target, { ...known, text: body.value.text });
    if (known && body.case === "messageDeleted") quoted.set(target, { ...known, text: "", deleted: true });
  }

  function forget(isMeant: (entry: Entry) => boolean): void {
    for (const entry of entries) if (isMeant(entry)) entry.item = undefined;
  }

  function toEntry(event: TimelineEvent): Entry {
    const quotes = event.body.case === "messagePosted" ? event.body.value.replyToSeq : undefined;
    return { event, quotes, item: undefined };
  }

  function build(entry: Entry): TimelineItem {
    const { event, quotes } = entry;
    const { seq, actorId, body } = event;
    const at = event.at ? timestampDate(event.at) : new Date(0);
    if (body.case !== "messagePosted") return { kind: "notice", seq, at, actorId, notice: noticeOf(event) };
    const { clientId, text, erased } = body.value;
    const state = changes.of(seq, text, erased);
    const item: MessageItem = {
      kind: "message",
      seq,
      at,
      authorId: actorId,
      mine: actorId === userId(),
      clientId,
      ...state,
      ...(quotes !== undefined && { replyTo: replyTo(quotes) }),
    };
    return item;
  }

  function replyTo(seq: bigint): ReplyPreview {
    const preview = previewOf(seq);
    return preview ? { seq, preview } : { seq };
  }

  function previewOf(seq: bigint): Quoted | undefined {
    const shown = entries.find(({ event }) => event.seq === seq);
    if (!shown) return quoted.get(seq);
    if (shown.event.body.case !== "messagePosted") return undefined;
    const { text, erased } = shown.event.body.value;
    const state = changes.of(seq, text, erased);
    return { authorId: shown.event.actorId, text: state.text, deleted: state.deleted };
  }

  /** Before a message leaves the window, those that quote it keep what it says. */
  function keepQuotes(leaving: readonly Entry[]): void {
    const wanted = new Set(entries.map(({ quotes }) => quotes));
    for (const { event } of leaving) {
      const preview = wanted.has(event.seq) ? previewOf(event.seq) : undefined;
      if (preview) quoted.set(event.seq, preview);
    }
    for (const seq of quoted.keys()) if (!wanted.has(seq)) quoted.delete(seq);
  }

  function trimOld(): void {
    dropFirst(entries.length - maxItems);
  }

  function dropFirst(count: number): void {
    if (count <= 0) return;
    keepQuotes(entries.slice(0, count));
    entries = entries.slice(count);
    low = entries[0]!.event.seq;
  }

  /** Makes room for one more, in one go now and then, since each goes through the window. False if there is none. */
  function makeRoom(): boolean {
    if (entries.length < maxItems * 1.25) return true;
    const from = keptFrom;
    const kept = from === undefined ? -1 : entries.findIndex(({ event }) => event.seq >= from);
    dropFirst(Math.min(entries.length - maxItems, kept < 0 ? entries.length : kept));
    return entries.length < maxItems * 1.25;
  }

  function trimNew(): void {
    if (entries.length <= maxItems) return;
    keepQuotes(entries.slice(maxItems));
    entries = entries.slice(0, maxItems);
    high = entries.at(-1)!.event.seq;
  }

  function requoted(added: readonly Entry[]): void {
    const seqs = new Set(added.map(({ event }) => event.seq));
    forget(({ quotes }) => quotes !== undefined && seqs.has(quotes));
  }

  return {
    begin(events) {
      entries = [];
      changes = createChanges(userId);
      quoted = new Map();
      keptFrom = undefined;
      const [first, last] = [events[0]?.seq ?? 1n, events.at(-1)?.seq ?? 0n];
      [oldest, newest, low, high] = [first, last, first, last];
      for (const event of events) if (count(event)) entries.push(toEntry(event));
    },
    append(event) {
      if (event.seq !== newest + 1n) return false;
      const isItem = count(event);
      if (high === newest && (!isItem || makeRoom())) {
        if (isItem) entries.push(toEntry(event));
        high = event.seq;
      }
      newest = event.seq;
      return true;
    },
    addOlder(events) {
      const before = events.filter(({ seq }) => seq < low);
      // Of a window that isn't there any more.
      if (before.length > 0 && before.at(-1)!.seq !== low - 1n) return;
      const span = oldest;
      const added: Entry[] = [];
      for (const event of before) {
        const isItem = event.seq < span ? count(event) : !changes.isChange(event);
        if (isItem) added.push(toEntry(event));
      }
      low = before[0]?.seq ?? 1n;
      if (low < oldest) oldest = low;
      entries = [...added, ...entries];
      requoted(added);
      trimNew();
    },
    addNewer(events) {
      const after = events.filter(({ seq }) => seq > high && seq <= newest);
      if (after.length > 0 && after[0]!.seq !== high + 1n) return;
      const added = after.filter((event) => !changes.isChange(event)).map(toEntry);
      high = after.at(-1)?.seq ?? newest;
      entries = [...entries, ...added];
      requoted(added);
      trimOld();
    },
    keepFrom(seq) {
      keptFrom = seq;
    },
    quote(seq, preview) {
      quoted.set(seq, preview);
      forget(({ quotes }) => quotes === seq);
    },
    missingQuotes() {
      const missing = new Set<bigint>();
      for (const { quotes } of entries) {
        if (quotes !== undefined && !quoted.has(quotes) && quotes < low) missing.add(quotes);
      }
      return [...missing];
    },
    get items() {
      return entries.map((entry) => {
        entry.item ??= build(entry);
        return entry.item;
      });
    },
    get hasOlder() {
      return low > 1n;
    },
    get hasNewer() {
      return high < newest;
    },
    get low() {
      return low;
    },
    get high() {
      return high;
    },
    get newest() {
      return newest;
    },
    get isKept() {
      return keptFrom !== undefined;
    },
    get remembered() {
      return changes.size;
    },
  };
}
