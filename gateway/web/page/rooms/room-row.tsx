import type { InboxRoom } from "../../../../client/index.ts";
import { Avatar } from "../parts/avatar.tsx";
import { useMe, useUser } from "../state/context.ts";
import { memo } from "../state/memo.ts";
import { hrefOf } from "../state/route.ts";
import { exactTime, shortTime } from "../text/time.ts";
import { isDirect, nameOf } from "../text/words.ts";

interface RoomRowProps {
  item: InboxRoom;
  isOpen: boolean;
  /** By which it says "Yesterday". */
  today: string;
}

/** A room in the list: its name, what was said last, and how much is unread. */
export const RoomRow = memo(function RoomRow({ item, isOpen }: RoomRowProps) {
  const { roomId, title, unread, lastMessage, activeAt, otherUserId } = item;
  const name = title || "Direct message";
  return (
    <li>
      <a
        class={`room-row ${unread > 0 ? "is-unread" : ""}`}
        href={hrefOf({ at: "room", roomId })}
        aria-current={isOpen ? "page" : undefined}
      >
        <Avatar id={otherUserId ?? roomId} name={name} />
        <span class="room-row-text">
          <span class="room-row-top">
            <span class="room-row-title">{name}</span>
            {activeAt > 0 && (
              <time class="room-row-time" dateTime={iso(activeAt)} title={exactTime(new Date(activeAt))}>
                {shortTime(new Date(activeAt))}
              </time>
            )}
          </span>
          <span class="room-row-bottom">
            <span class="room-row-last">
              {lastMessage ? <LastLine item={item} /> : <em>No messages yet</em>}
            </span>
            {unread > 0 && (
              <span class="badge">
                {unread > 999 ? "999+" : unread}
                <span class="visually-hidden"> unread {unread === 1 ? "message" : "messages"}</span>
              </span>
            )}
          </span>
        </span>
      </a>
    </li>
  );
});

/** Who said it is clear in a room of two. */
function LastLine({ item }: { item: InboxRoom }) {
  const me = useMe();
  const { authorId, text } = item.lastMessage!;
  const author = useUser(authorId);
  const who = authorId === me.userId ? "You" : isDirect(item.room) ? "" : nameOf(author);
  const line = text.replaceAll(/\s+/g, " ");
  return <>{who ? `${who}: ${line}` : line}</>;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
