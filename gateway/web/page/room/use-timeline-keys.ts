import type { RefObject } from "preact";
import { isCommand, isTyping } from "../state/shortcuts.ts";
import type { useVirtualizer } from "../state/virtualizer.ts";
import { useRoom } from "./room-context.ts";
import type { Row } from "./rows.ts";

interface TimelineKeysDeps {
  rows: readonly Row[];
  scroller: ReturnType<typeof useVirtualizer>;
  scrollElement: RefObject<HTMLDivElement | null>;
  /** The row with the focus, or -1. */
  activeIndex: number;
  setActiveKey(key: string | undefined): void;
}

/** Keys of the timeline: arrows go from message to message, letters do something with the one that has the focus. */
export function useTimelineKeys({
  rows,
  scroller,
  scrollElement,
  activeIndex,
  setActiveKey,
}: TimelineKeysDeps) {
  const { reply, edit, remove, focusComposer } = useRoom();
  const messageAt = (index: number) => {
    const row = rows[index];
    return row?.kind === "message" ? row : undefined;
  };

  /** From the index on, in the direction, to a message. */
  const focusFrom = (index: number, step: 1 | -1) => {
    let at = index;
    while (at >= 0 && at < rows.length && !messageAt(at)) at += step;
    const row = messageAt(at);
    if (!row) return step > 0 ? focusComposer() : undefined;
    setActiveKey(row.key);
    scroller.scrollToIndex(at, { align: "auto" });
    // After it is in the document.
    requestAnimationFrame(() =>
      scrollElement.current
        ?.querySelector<HTMLElement>(`[data-seq="${row.item.seq}"]`)
        ?.focus({ preventScroll: true }),
    );
  };

  const act = (key: string): boolean => {
    const item = messageAt(activeIndex)?.item;
    if (!item || item.deleted) return false;
    if (key === "r") reply(item);
    else if (key === "e" && item.mine) edit(item);
    else if (key === "Delete" && hasAction("Delete")) remove(item);
    else if (key === "a") actionOf("react")?.click();
    else return false;
    return true;
  };
  const focused = () => document.activeElement?.closest("article");
  const actionOf = (name: string) => focused()?.querySelector<HTMLElement>(`[data-action="${name}"]`);
  const hasAction = (shortcut: string) =>
    focused()?.querySelector(`[aria-keyshortcuts="${shortcut}"]`) != null;

  return {
    onKeyDown(event: KeyboardEvent) {
      if (isTyping(event) || isCommand(event) || event.altKey) return;
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      if (key === "ArrowUp") focusFrom(activeIndex - 1, -1);
      else if (key === "ArrowDown") focusFrom(activeIndex + 1, 1);
      else if (key === "Home") focusFrom(0, 1);
      else if (key === "End") focusFrom(rows.length - 1, -1);
      else if (key === "Escape") focusComposer();
      else if (!act(key)) return;
      event.preventDefault();
    },
    onFocusIn({ target }: FocusEvent) {
      const seq = (target as HTMLElement).closest("article")?.dataset.seq;
      const row = rows.find((each) => each.kind === "message" && String(each.item.seq) === seq);
      if (row) setActiveKey(row.key);
    },
    onFocusOut({ relatedTarget }: FocusEvent) {
      if (!scrollElement.current?.contains(relatedTarget as Node | null)) setActiveKey(undefined);
    },
  };
}
