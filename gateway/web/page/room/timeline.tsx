import { defaultRangeExtractor, type Range } from "@tanstack/virtual-core";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Role, type RoomState } from "../../../../client/index.ts";
import { Icon } from "../parts/icon.tsx";
import { Skeleton } from "../parts/skeleton.tsx";
import { useMe } from "../state/context.ts";
import { useToday } from "../state/today.ts";
import { useVirtualizer } from "../state/virtualizer.ts";
import { counted, isDirect as isDirectRoom } from "../text/words.ts";
import { useRoom } from "./room-context.ts";
import { buildRows, type Row } from "./rows.ts";
import { estimateHeight, TimelineRow } from "./timeline-row.tsx";
import { usePaging } from "./use-paging.ts";
import { useReadMarking } from "./use-read-marking.ts";
import { useStayingAtEnd } from "./use-staying-at-end.ts";
import { useTimelineKeys } from "./use-timeline-keys.ts";

interface TimelineProps {
  state: RoomState;
  title: string;
  /** In a room of two. */
  otherUserId: string | undefined;
  unreadAfter: bigint | undefined;
  /** Takes what shows a message, and the newest. */
  controls(controls: TimelineControls): void;
}

export interface TimelineControls {
  toEnd(): void;
  /** Whether the message is among those that are loaded. */
  show(seq: bigint): boolean;
}

/** Nearer to the end than this, one reads along: what comes new moves the rest up. */
const endThresholdPx = 80;
const rowsBeyond = 8;

/** The messages of a room: only the rows in sight, and some beyond, are in the document. */
export function Timeline({ state, title, otherUserId, unreadAfter, controls }: TimelineProps) {
  const me = useMe();
  const { store } = useRoom();
  const scrollElement = useRef<HTMLDivElement>(null);
  const { messages, outgoing, hasOlder, hasNewer } = state;
  const isDirect = isDirectRoom(state.room);
  const rows = useMemo(
    () => buildRows({ messages, outgoing, hasOlder, hasNewer, unreadAfter, myId: me.userId, isDirect }),
    [messages, outgoing, hasOlder, hasNewer, unreadAfter, me.userId, isDirect],
  );
  const [activeKey, setActiveKey] = useState<string>();
  const activeIndex = useMemo(() => rows.findIndex(({ key }) => key === activeKey), [rows, activeKey]);

  const getItemKey = useCallback((index: number) => rows[index]!.key, [rows]);
  const scroller = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scrollElement.current,
    estimateSize: (index) => estimateHeight(rows[index]!),
    getItemKey,
    overscan: rowsBeyond,
    paddingStart: 16,
    paddingEnd: 8,
    anchorTo: "end",
    followOnAppend: !hasNewer,
    scrollEndThreshold: endThresholdPx,
    // The row with the focus stays, or the focus would be lost.
    rangeExtractor: (range: Range) => {
      const indexes = defaultRangeExtractor(range);
      if (activeIndex < 0 || indexes.includes(activeIndex)) return indexes;
      return [...indexes, activeIndex].sort((a, b) => a - b);
    },
  });

  const begun = useRef(false);
  useLayoutEffect(() => {
    if (begun.current || rows.length === 0) return;
    begun.current = true;
    const unread = rows.findIndex((row) => row.kind === "message" && row.startsUnread);
    if (unread > 0) scroller.scrollToIndex(unread, { align: "start" });
    else scroller.scrollToEnd();
  });

  useStayingAtEnd(scroller, scrollElement);
  const today = useToday();
  const paging = usePaging({ state, store, rows, scroller, isBegun: begun.current });
  useReadMarking({ state, store, rows, scroller });
  useEffect(() => {
    controls({
      toEnd: () => void paging.toLatest(),
      show(seq) {
        const index = rows.findIndex((row) => row.kind === "message" && row.item.seq === seq);
        if (index < 0) return false;
        scroller.scrollToIndex(index, { align: "center" });
        setActiveKey(rows[index]!.key);
        flash(scrollElement.current!, seq);
        return true;
      },
    });
  });
  const keys = useTimelineKeys({ rows, scroller, scrollElement, activeIndex, setActiveKey });

  const items = scroller.getVirtualItems();
  const lastVisible = scroller.range?.endIndex ?? rows.length - 1;
  const tabStop = activeIndex >= 0 ? activeIndex : nearestMessage(rows, lastVisible);
  const isAtEnd = !hasNewer && (!begun.current || scroller.isAtEnd());
  return (
    <div class="timeline">
      <div class="timeline-scroll" ref={scrollElement} tabIndex={-1} {...keys}>
        {paging.status === "older" && <Skeleton rows={2} label="Loading earlier messages" />}
        {paging.status === "failed" && (
          <button type="button" class="button small timeline-retry" onClick={paging.retry}>
            Messages couldn't be loaded. Try again
          </button>
        )}
        <div
          class="timeline-rows"
          role="feed"
          aria-label={`Messages in ${title}`}
          aria-busy={paging.status === "older"}
          style={{ height: `${scroller.getTotalSize()}px` }}
        >
          {items.map(({ key, index, start }) => (
            <div
              key={key}
              class="timeline-row"
              ref={scroller.measureElement}
              data-index={index}
              style={{ transform: `translateY(${start}px)` }}
            >
              <TimelineRow
                row={rows[index]!}
                isTabStop={index === tabStop}
                isActive={index === activeIndex}
                myRole={state.myRole ?? Role.UNSPECIFIED}
                members={state.members}
                title={title}
                pictureId={otherUserId ?? store.roomId}
                isDirect={isDirect}
                today={today}
              />
            </div>
          ))}
        </div>
      </div>
      {!isAtEnd && (
        <button type="button" class="to-latest" onClick={() => void paging.toLatest()}>
          <Icon name="down" />
          {state.unread > 0 ? counted(state.unread, "new message") : "Newest messages"}
        </button>
      )}
    </div>
  );
}

function nearestMessage(rows: readonly Row[], from: number): number {
  for (let at = Math.min(from, rows.length - 1); at >= 0; at--) if (rows[at]?.kind === "message") return at;
  return -1;
}

/** Draws the eye to a message that was asked for, once it is there. */
function flash(within: HTMLElement, seq: bigint): void {
  requestAnimationFrame(() =>
    requestAnimationFrame(() => {
      const element = within.querySelector<HTMLElement>(`[data-seq="${seq}"]`);
      element?.focus({ preventScroll: true });
      element?.animate([{ backgroundColor: "var(--flash)" }, { backgroundColor: "transparent" }], 1600);
    }),
  );
}
