import { useEffect, useRef, useState } from "preact/hooks";
import type { RoomState } from "../../../../client/index.ts";
import { useParley } from "../state/context.ts";
import { nameOf } from "../text/words.ts";

/** More at once are only counted: nobody listens to a hundred messages. */
const mostSpoken = 3;

/** Says to a screen reader what others write, as it comes; not what is scrolled to. */
export function Announcer({ state }: { state: RoomState }) {
  const parley = useParley();
  const [said, setSaid] = useState("");
  const heard = useRef<bigint | undefined>(undefined);
  useEffect(() => {
    if (state.status !== "ready") return;
    const since = heard.current;
    heard.current = state.lastSeq;
    if (since === undefined || state.lastSeq <= since) return;
    const fresh = state.messages.filter((item) => item.kind === "message" && item.seq > since && !item.mine);
    if (fresh.length === 0) return;
    const lines = fresh.map((item) =>
      item.kind === "message" ? `${nameOf(parley.user(item.authorId).get())}: ${item.text}` : "",
    );
    setSaid(lines.length > mostSpoken ? `${lines.length} new messages` : lines.join(". "));
  }, [parley, state]);
  return (
    <div class="visually-hidden" aria-live="polite" data-announcer>
      {said}
    </div>
  );
}
