import { useState } from "preact/hooks";
import type { Member, Role } from "../../../../client/index.ts";
import { Avatar } from "../parts/avatar.tsx";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { Icon } from "../parts/icon.tsx";
import { Menu, type MenuItem } from "../parts/menu.tsx";
import { useAction } from "../state/action.ts";
import { useMe, useParley, useUser } from "../state/context.ts";
import { goTo } from "../state/route.ts";
import { nameOf, roleName } from "../text/words.ts";
import { grantable, mayRemove } from "./rights.ts";
import { useRoom } from "./room-context.ts";

/** A person in the room, what they are, and what one may do about it. */
export function MemberRow({ member, mine }: { member: Member; mine: Role }) {
  const parley = useParley();
  const me = useMe();
  const { store } = useRoom();
  const user = useUser(member.userId);
  const action = useAction();
  const [removing, setRemoving] = useState(false);
  const isMe = member.userId === me.userId;
  const name = nameOf(user);
  const granted = grantable(mine, member);

  const changeRole = (role: Role) =>
    action.run(() => parley.rooms.updateMember({ roomId: store.roomId, userId: member.userId, role }));
  const write = () =>
    action.run(async () => {
      const { room } = await parley.rooms.openDirectRoom({ userId: member.userId });
      goTo({ at: "room", roomId: room!.roomId });
    });
  const items: MenuItem[] = [
    { icon: "message", label: "Write directly", onSelect: write },
    ...(mayRemove(mine, member)
      ? [
          {
            icon: "leave",
            label: "Remove from room",
            danger: true,
            onSelect: () => setRemoving(true),
          } as const,
        ]
      : []),
  ];
  return (
    <li class="member-row">
      <Avatar id={member.userId} name={name} size="small" />
      <span class="list-text">
        <span class="person-name" title={user?.username}>
          {name}
          {isMe && <span class="muted"> (you)</span>}
        </span>
        {granted.length > 0 ? (
          <select
            class="role"
            aria-label={`Role of ${name}`}
            value={member.role}
            disabled={action.busy}
            onChange={(event) => {
              const chosen = Number(event.currentTarget.value) as Role;
              // It shows what the server says, which may refuse.
              event.currentTarget.value = String(member.role);
              changeRole(chosen);
            }}
          >
            {granted.map((role) => (
              <option key={role} value={role}>
                {roleName(role)}
              </option>
            ))}
          </select>
        ) : (
          <span class="muted">{roleName(member.role)}</span>
        )}
      </span>
      {!isMe && (
        <Menu label={`More about ${name}`} items={items}>
          <Icon name="more" />
        </Menu>
      )}
      {removing && (
        <ConfirmDialog
          title={`Remove ${name}?`}
          verb="Remove"
          work={() => parley.rooms.removeMember({ roomId: store.roomId, userId: member.userId })}
          onClose={() => setRemoving(false)}
        >
          They will see nothing more of this room, and need a new invitation to come back.
        </ConfirmDialog>
      )}
    </li>
  );
}
