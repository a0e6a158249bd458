import { useEffect, useState } from "preact/hooks";
import { SettingsDialog } from "./account/settings-dialog.tsx";
import { ShortcutsDialog } from "./account/shortcuts-dialog.tsx";
import { Empty } from "./parts/empty.tsx";
import { RoomPane } from "./room/room-pane.tsx";
import { ConnectionBanner } from "./rooms/connection-banner.tsx";
import { NewRoomDialog } from "./rooms/new-room-dialog.tsx";
import { Sidebar, type SidebarDialog } from "./rooms/sidebar.tsx";
import { useParley } from "./state/context.ts";
import { useObservable } from "./state/observable.ts";
import { goTo, type Route } from "./state/route.ts";
import { isTyping, useShortcuts } from "./state/shortcuts.ts";

/** What one sees who is signed in: the rooms, and the one that is open. On a phone's width, one of both. */
export function Chat({ route }: { route: Route }) {
  const inbox = useObservable(useParley().inbox);
  const [dialog, setDialog] = useState<SidebarDialog>();
  const close = () => setDialog(undefined);
  const roomId = route.at === "room" ? route.roomId : undefined;
  const open = inbox.rooms.find((room) => room.roomId === roomId);
  const unread = inbox.rooms.reduce((sum, room) => sum + room.unread, 0);

  useEffect(() => {
    document.title = `${unread > 0 ? `(${unread}) ` : ""}${open?.title ? `${open.title} · ` : ""}Parley`;
  }, [unread, open?.title]);

  useShortcuts((event) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.altKey && step !== undefined) {
      const at = inbox.rooms.findIndex((room) => room.roomId === roomId);
      const next = inbox.rooms[at < 0 ? 0 : at + step];
      if (next) goTo({ at: "room", roomId: next.roomId });
      return true;
    }
    if (event.key === "?" && !isTyping(event)) {
      setDialog("shortcuts");
      return true;
    }
    return false;
  });

  return (
    <div class={roomId ? "chat has-room" : "chat"}>
      <ConnectionBanner />
      <Sidebar openRoomId={roomId} onOpen={setDialog} />
      {roomId ? (
        <RoomPane key={roomId} roomId={roomId} />
      ) : (
        <main class="room room-none">
          <Empty icon="message" title={inbox.rooms.length > 0 ? "Choose a room" : "Nothing here yet"}>
            <p>
              {inbox.rooms.length > 0
                ? "Pick one from the list, or press ? to see what keys do."
                : "Create a room and invite people to it, or write to someone directly."}
            </p>
          </Empty>
        </main>
      )}
      {dialog === "account" && <SettingsDialog onClose={close} />}
      {dialog === "new-room" && <NewRoomDialog onClose={close} />}
      {dialog === "shortcuts" && <ShortcutsDialog onClose={close} />}
    </div>
  );
}
