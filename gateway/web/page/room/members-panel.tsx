import { useEffect, useState } from "preact/hooks";
import { Role, type RoomState } from "../../../../client/index.ts";
import { IconButton } from "../parts/icon-button.tsx";
import { Skeleton } from "../parts/skeleton.tsx";
import { useAction } from "../state/action.ts";
import { useParley } from "../state/context.ts";
import { counted, nameOf } from "../text/words.ts";
import { MemberRow } from "./member-row.tsx";
import { useRoom } from "./room-context.ts";

/** As many are listed at first, and more by each press: a room may have thousands. */
const pageSize = 100;

/** Who is in the room, and as what. */
export function MembersPanel({ state, onClose }: { state: RoomState; onClose(): void }) {
  const parley = useParley();
  const { store } = useRoom();
  const loading = useAction();
  const [query, setQuery] = useState("");
  const [shown, setShown] = useState(pageSize);
  const load = () => loading.run(() => store.loadMembers());
  useEffect(load, [store]);

  const wanted = query.trim().toLocaleLowerCase();
  const found = state.members
    .filter(({ userId }) => {
      const user = wanted === "" ? undefined : parley.user(userId).get();
      return wanted === "" || `${nameOf(user)} ${user?.username}`.toLocaleLowerCase().includes(wanted);
    })
    .toSorted((a, b) => b.role - a.role);
  return (
    <aside class="panel" aria-label="Members">
      <header class="panel-head">
        <h2>{counted(state.room?.memberCount ?? state.members.length, "member")}</h2>
        <IconButton icon="close" label="Close members" onClick={onClose} />
      </header>
      {state.members.length > 8 && (
        <div class="panel-search">
          <input
            type="search"
            aria-label="Find a member"
            placeholder="Find a member"
            value={query}
            onInput={(event) => setQuery(event.currentTarget.value)}
          />
        </div>
      )}
      <div class="panel-body">
        {state.members.length === 0 && loading.busy && <Skeleton rows={4} label="Loading members" />}
        {state.members.length === 0 && !loading.busy && (
          <button type="button" class="button" onClick={load}>
            Load the members
          </button>
        )}
        <ul class="plain-list">
          {found.slice(0, shown).map((member) => (
            <MemberRow key={member.userId} member={member} mine={state.myRole ?? Role.UNSPECIFIED} />
          ))}
        </ul>
        {found.length > shown && (
          <button type="button" class="button" onClick={() => setShown(shown + pageSize)}>
            Show more
          </button>
        )}
        {found.length === 0 && wanted !== "" && <p class="muted padded">Nobody here is called that.</p>}
      </div>
    </aside>
  );
}
