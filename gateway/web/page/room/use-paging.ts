import { useEffect, useRef, useState } from "preact/hooks";
import type { RoomState, RoomStore } from "../../../../client/index.ts";
import { useParley } from "../state/context.ts";
import { useObservable } from "../state/observable.ts";
import type { useVirtualizer } from "../state/virtualizer.ts";
import type { Row } from "./rows.ts";

interface PagingDeps {
  state: RoomState;
  store: RoomStore;
  rows: readonly Row[];
  scroller: ReturnType<typeof useVirtualizer>;
  /** It stands where it is to begin. */
  isBegun: boolean;
}

export interface Paging {
  readonly status: "idle" | "older" | "newer" | "failed";
  retry(): void;
  toLatest(): Promise<void>;
}

/** With fewer rows than this left beyond the sight, more are loaded, so that who scrolls meets no end. */
const rowsAhead = 20;

/** Loads what is older and newer before one has scrolled there. */
export function usePaging({ state, store, rows, scroller, isBegun }: PagingDeps): Paging {
  const [status, setStatus] = useState<Paging["status"]>("idle");
  const isLoading = useRef(false);
  const connection = useObservable(useParley().connection);
  useEffect(() => {
    // What failed while one was away is tried again by itself.
    if (connection.status === "connected") setStatus((now) => (now === "failed" ? "idle" : now));
  }, [connection.status]);

  const load = async (direction: "older" | "newer") => {
    if (isLoading.current) return;
    isLoading.current = true;
    setStatus(direction);
    try {
      await (direction === "older" ? store.loadOlder() : store.loadNewer());
      setStatus("idle");
    } catch {
      setStatus("failed");
    } finally {
      isLoading.current = false;
    }
  };

  const { startIndex = 0, endIndex = 0 } = scroller.range ?? {};
  useEffect(() => {
    if (!isBegun || state.status !== "ready" || status !== "idle" || !scroller.range) return;
    if (state.hasOlder && startIndex < rowsAhead) void load("older");
    else if (state.hasNewer && endIndex > rows.length - rowsAhead) void load("newer");
  });
  useEffect(() => {
    // Of these rows: that of the rendering is still of those before.
    const { range } = scroller;
    if (!isBegun || !range) return;
    // Who reads what was earlier goes on seeing it, however much comes new.
    const isAtEnd = !state.hasNewer && scroller.isAtEnd();
    store.keepFrom(isAtEnd ? undefined : firstSeqFrom(rows, range.startIndex - rowsAhead));
  });

  return {
    status,
    retry: () => setStatus("idle"),
    async toLatest() {
      if (state.hasNewer) await store.jumpToLatest().catch(() => setStatus("failed"));
      // After the rows are there.
      requestAnimationFrame(() => scroller.scrollToEnd());
    },
  };
}

function firstSeqFrom(rows: readonly Row[], index: number): bigint | undefined {
  for (const row of rows.slice(Math.max(0, index))) {
    if (row.kind === "message") return row.item.seq;
    if (row.kind === "notice") return row.items[0]!.seq;
  }
  return undefined;
}
