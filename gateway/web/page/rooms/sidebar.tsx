import { useRef, useState } from "preact/hooks";
import { Avatar } from "../parts/avatar.tsx";
import { Icon } from "../parts/icon.tsx";
import { IconButton } from "../parts/icon-button.tsx";
import { Menu } from "../parts/menu.tsx";
import { Skeleton } from "../parts/skeleton.tsx";
import { useAction } from "../state/action.ts";
import { useMe, useParley } from "../state/context.ts";
import { useObservable } from "../state/observable.ts";
import { isCommand, useShortcuts } from "../state/shortcuts.ts";
import { useToday } from "../state/today.ts";
import { failureText } from "../text/words.ts";
import { InvitationList } from "./invitation-list.tsx";
import { PeopleResults } from "./people-results.tsx";
import { RoomRow } from "./room-row.tsx";

interface SidebarProps {
  openRoomId: string | undefined;
  /** Dialogues belong to the page: on a phone the list may be hidden while one is open. */
  onOpen(dialog: SidebarDialog): void;
}

export type SidebarDialog = "account" | "new-room" | "shortcuts";

/** The rooms, a field that finds rooms and people, and what concerns oneself. */
export function Sidebar({ openRoomId, onOpen }: SidebarProps) {
  const parley = useParley();
  const me = useMe();
  const inbox = useObservable(parley.inbox);
  const action = useAction();
  const today = useToday();
  const search = useRef<HTMLInputElement>(null);
  const [query, setQuery] = useState("");

  useShortcuts((event) => {
    if (!isCommand(event) || event.key.toLowerCase() !== "k") return false;
    search.current?.focus();
    search.current?.select();
    return true;
  });

  const wanted = query.trim().toLocaleLowerCase();
  const rooms = inbox.rooms.filter(({ title }) => title.toLocaleLowerCase().includes(wanted));
  const isEmpty = inbox.status === "ready" && inbox.rooms.length === 0;
  return (
    <aside class="sidebar" aria-label="Rooms and people">
      {openRoomId === undefined && <h1 class="visually-hidden">Parley</h1>}
      <header class="sidebar-head">
        <Menu
          label="Your account"
          class="me"
          items={[
            { icon: "settings", label: "Account and sessions", onSelect: () => onOpen("account") },
            { icon: "keyboard", label: "Keyboard shortcuts", onSelect: () => onOpen("shortcuts") },
            { icon: "leave", label: "Sign out", onSelect: () => action.run(() => parley.logout()) },
          ]}
        >
          <Avatar id={me.userId} name={me.displayName} />
          <span class="me-name">{me.displayName}</span>
        </Menu>
        <IconButton icon="add" label="New room" onClick={() => onOpen("new-room")} />
      </header>
      <div class="search">
        <Icon name="search" />
        <input
          ref={search}
          type="search"
          aria-label="Find a room or a person"
          aria-keyshortcuts="Control+K"
          placeholder="Find a room or a person"
          value={query}
          onInput={(event) => setQuery(event.currentTarget.value)}
          onKeyDown={(event) => event.key === "Escape" && setQuery("")}
        />
      </div>
      <nav class="rooms" aria-label="Rooms">
        <InvitationList />
        {inbox.status === "loading" && <Skeleton rows={6} label="Loading your rooms" />}
        {inbox.status === "failed" && inbox.error && (
          <p class="note note-error">{failureText(inbox.error)}</p>
        )}
        {isEmpty && wanted === "" && <NoRooms onCreate={() => onOpen("new-room")} />}
        {wanted !== "" && rooms.length > 0 && <h2 class="rooms-title">Rooms</h2>}
        <ul class="plain-list">
          {rooms.map((room) => (
            <RoomRow key={room.roomId} item={room} isOpen={room.roomId === openRoomId} today={today} />
          ))}
        </ul>
        {wanted.length >= 2 && <PeopleResults query={query.trim()} onChosen={() => setQuery("")} />}
        {wanted !== "" && wanted.length < 2 && <p class="muted padded">One more letter finds people, too.</p>}
      </nav>
    </aside>
  );
}

function NoRooms({ onCreate }: { onCreate(): void }) {
  return (
    <div class="rooms-empty">
      <p>
        <strong>You are in no room yet.</strong>
      </p>
      <p class="muted">Find someone above to write to, open an invitation's link, or</p>
      <button type="button" class="button" onClick={onCreate}>
        Create a room
      </button>
    </div>
  );
}
