import type { NoticeItem } from "../../../../client/index.ts";
import { useMe, useParley } from "../state/context.ts";
import { memo } from "../state/memo.ts";
import { useObservable } from "../state/observable.ts";
import { exactTime } from "../text/time.ts";
import { listed, nameOf, roleName } from "../text/words.ts";

/** Something that happened in the room, in a line. */
export const NoticeLine = memo(function NoticeLine({ items }: { items: readonly NoticeItem[] }) {
  const first = items[0]!;
  return (
    <p class="notice" title={exactTime(first.at)}>
      {items.length > 1 ? <Additions items={items} /> : <Sentence item={first} />}
    </p>
  );
});

function Sentence({ item: { notice, actorId, seq } }: { item: NoticeItem }) {
  const actor = useName(actorId, "You");
  const whom = useName("userId" in notice ? notice.userId : actorId, "you");
  const own = "userId" in notice && notice.userId === actorId;
  switch (notice.type) {
    case "joined":
      if (seq === 1n) return <>{actor} created the room</>;
      return own ? `${actor} joined` : `${actor} added ${whom}`;
    case "left":
      return <>{actor} left</>;
    case "removed":
      return <>{`${actor} removed ${whom}`}</>;
    case "roleChanged":
      return <>{`${actor} made ${own ? "themselves" : whom} ${withArticle(roleName(notice.role))}`}</>;
    case "renamed":
      return (
        <>{`${actor} changed the room: ${notice.topic ? `${notice.name}, “${notice.topic}”` : notice.name}`}</>
      );
    case "deleted":
      return <>{actor} deleted the room</>;
    default:
      return null;
  }
}

/** The first three by name; a hook for each, so their number must not change. */
function Additions({ items }: { items: readonly NoticeItem[] }) {
  const ids = items.map(({ notice, actorId }) => ("userId" in notice ? notice.userId : actorId));
  const actor = useName(items[0]!.actorId, "You");
  const names = [useName(ids[0]!, "you"), useName(ids[1]!, "you"), useName(ids[2] ?? ids[0]!, "you")];
  const rest = ids.slice(3);
  return <>{`${actor} added ${listed([...names.slice(0, Math.min(3, ids.length)), ...rest])}`}</>;
}

function useName(userId: string, self: string): string {
  const me = useMe();
  const user = useObservable(useParley().user(userId));
  return userId === me.userId ? self : nameOf(user);
}

function withArticle(role: string): string {
  return /^[AEIOU]/.test(role) ? `an ${role.toLowerCase()}` : `a ${role.toLowerCase()}`;
}
