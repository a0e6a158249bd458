import { useState } from "preact/hooks";
import { Role, type RoomState } from "../../../../client/index.ts";
import { Avatar } from "../parts/avatar.tsx";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { Icon } from "../parts/icon.tsx";
import { IconButton } from "../parts/icon-button.tsx";
import { Menu, type MenuItem } from "../parts/menu.tsx";
import { useParley } from "../state/context.ts";
import { replaceBy } from "../state/route.ts";
import { counted, isDirect } from "../text/words.ts";
import { InviteDialog } from "./invite-dialog.tsx";
import { RenameDialog } from "./rename-dialog.tsx";
import { mayDeleteRoom, mayInvite, mayRename } from "./rights.ts";

interface RoomHeaderProps {
  state: RoomState;
  title: string;
  /** In a room of two. */
  otherUserId: string | undefined;
  showsMembers: boolean;
  onToggleMembers(): void;
}

/** What room it is, and what one can do with it as a whole. */
export function RoomHeader({ state, title, otherUserId, showsMembers, onToggleMembers }: RoomHeaderProps) {
  const parley = useParley();
  const [dialog, setDialog] = useState<"invite" | "rename" | "leave" | "delete">();
  const { room } = state;
  const mine = state.myRole ?? Role.UNSPECIFIED;
  const isGroup = room !== undefined && !isDirect(room);
  const close = () => setDialog(undefined);
  const leaveBy = (work: () => Promise<unknown>) => async () => {
    await work();
    replaceBy({ at: "home" });
  };
  const items: MenuItem[] = [
    ...(mayInvite(mine)
      ? [{ icon: "invite", label: "Invite people", onSelect: () => setDialog("invite") } as const]
      : []),
    ...(mayRename(mine)
      ? [{ icon: "edit", label: "Name and topic", onSelect: () => setDialog("rename") } as const]
      : []),
    { icon: "leave", label: "Leave room", danger: true, onSelect: () => setDialog("leave") },
    ...(mayDeleteRoom(mine)
      ? [{ icon: "trash", label: "Delete room", danger: true, onSelect: () => setDialog("delete") } as const]
      : []),
  ];
  return (
    <header class="room-head">
      <a class="icon-button room-back" href="#/" aria-label="Back to the rooms">
        <Icon name="back" />
      </a>
      <Avatar id={otherUserId ?? state.room?.roomId ?? title} name={title} />
      <div class="room-head-text">
        <h1>{title}</h1>
        {isGroup && <p class="muted">{room.topic || counted(room.memberCount, "member")}</p>}
        {room && !isGroup && <p class="muted">Only the two of you</p>}
      </div>
      {isGroup && (
        <>
          {mayInvite(mine) && (
            <IconButton
              icon="invite"
              label="Invite people"
              class="wide-only"
              onClick={() => setDialog("invite")}
            />
          )}
          <IconButton
            icon="members"
            label={`Members (${room.memberCount})`}
            aria-expanded={showsMembers}
            onClick={onToggleMembers}
          />
          <Menu label="More about this room" items={items}>
            <Icon name="more" />
          </Menu>
        </>
      )}
      {dialog === "invite" && room && <InviteDialog room={room} onClose={close} />}
      {dialog === "rename" && room && <RenameDialog room={room} onClose={close} />}
      {dialog === "leave" && room && (
        <ConfirmDialog
          title={`Leave ${title}?`}
          verb="Leave"
          work={leaveBy(() => parley.rooms.leaveRoom({ roomId: room.roomId }))}
          onClose={close}
        >
          {room.memberCount === 1
            ? "You are the last one in it: the room and all its messages are deleted with you."
            : "You will need an invitation to come back."}
        </ConfirmDialog>
      )}
      {dialog === "delete" && room && (
        <ConfirmDialog
          title={`Delete ${title}?`}
          verb="Delete room"
          work={leaveBy(() => parley.rooms.deleteRoom({ roomId: room.roomId }))}
          onClose={close}
        >
          The room and all its messages are erased for everybody. This can't be undone.
        </ConfirmDialog>
      )}
    </header>
  );
}
