import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { InboxRoom, RoomState } from "../../../../client/index.ts";

/**
 * After which seq messages are marked as unread: one's read marker when the room was opened, or its head when one looked
 * away from the page. It stays while one reads, so that the mark doesn't run away from the eye.
 */
export function useUnreadMark(state: RoomState, item: InboxRoom | undefined): UnreadMark {
  const [after, setAfter] = useState<bigint>();
  const isDecided = useRef(false);
  const latest = useRef(state);
  latest.current = state;
  // The list of rooms knows it first: a room that was open before still has what it had then.
  const known = item ?? (state.status === "ready" ? state : undefined);
  useLayoutEffect(() => {
    if (isDecided.current || known === undefined) return;
    isDecided.current = true;
    if (known.unread > 0) setAfter(known.readSeq);
  });
  useEffect(() => {
    const changed = () => {
      if (document.hidden) setAfter(latest.current.lastSeq);
    };
    document.addEventListener("visibilitychange", changed);
    return () => document.removeEventListener("visibilitychange", changed);
  }, []);
  return { after, clear: () => setAfter(undefined) };
}

export interface UnreadMark {
  readonly after: bigint | undefined;
  clear(): void;
}
