import { useEffect, useReducer } from "preact/hooks";
import type { RoomState, RoomStore } from "../../../../client/index.ts";
import type { useVirtualizer } from "../state/virtualizer.ts";
import type { Row } from "./rows.ts";

interface ReadMarkingDeps {
  state: RoomState;
  store: RoomStore;
  rows: readonly Row[];
  scroller: ReturnType<typeof useVirtualizer>;
}

/** What has been in sight has been read, if the page itself was. */
export function useReadMarking({ state, store, rows, scroller }: ReadMarkingDeps): void {
  const [, look] = useReducer((times: number) => times + 1, 0);
  useEffect(() => {
    const changed = () => look(undefined);
    document.addEventListener("visibilitychange", changed);
    return () => document.removeEventListener("visibilitychange", changed);
  }, []);
  useEffect(() => {
    if (document.hidden || state.status !== "ready" || !scroller.range) return;
    const isAtEnd = scroller.range.endIndex >= rows.length - 1 && !state.hasNewer;
    // What comes after the last message, a reaction say, has no row of its own.
    const seen = isAtEnd ? state.lastSeq : lastSeqUpTo(rows, scroller.range.endIndex);
    if (seen !== undefined && seen > state.readSeq && state.unread > 0) store.markRead(seen);
  });
}

function lastSeqUpTo(rows: readonly Row[], index: number): bigint | undefined {
  for (let at = Math.min(index, rows.length - 1); at >= 0; at--) {
    const row = rows[at]!;
    if (row.kind === "message") return row.item.seq;
    if (row.kind === "notice") return row.items.at(-1)!.seq;
  }
  return undefined;
}
