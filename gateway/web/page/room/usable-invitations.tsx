import { timestampDate } from "@bufbuild/protobuf/wkt";
import { useEffect, useState } from "preact/hooks";
import type { Parley } from "../../../../client/index.ts";
import { useAction } from "../state/action.ts";
import { useParley, useUser } from "../state/context.ts";
import { exactTime } from "../text/time.ts";
import { counted, nameOf } from "../text/words.ts";

type Invitation = Awaited<ReturnType<Parley["rooms"]["listInvitations"]>>["invitations"][number];

/** Invitations that still work, and how to end them. */
export function UsableInvitations({ roomId }: { roomId: string }) {
  const parley = useParley();
  const loading = useAction();
  const revoking = useAction();
  const [invitations, setInvitations] = useState<readonly Invitation[]>([]);
  useEffect(() => {
    loading.run(async () => {
      const { invitations: found } = await parley.rooms.listInvitations({ roomId, pageSize: 200 });
      setInvitations(found);
    });
  }, []);
  const revoke = (invitation: Invitation) =>
    revoking.run(async () => {
      await parley.rooms.revokeInvitation({ roomId, invitationId: invitation.invitationId });
      setInvitations((all) => all.filter((each) => each !== invitation));
    });
  if (invitations.length === 0) return null;
  return (
    <section class="section">
      <h3>Invitations that work</h3>
      <ul class="plain-list">
        {invitations.map((invitation) => (
          <li key={invitation.invitationId} class="list-row">
            <span class="list-text">
              {invitation.userId ? <Invited userId={invitation.userId} /> : <strong>A link</strong>}
              <span class="muted">{aboutOf(invitation)}</span>
            </span>
            <button
              type="button"
              class="button small"
              disabled={revoking.busy}
              aria-label={`Revoke ${aboutOf(invitation)}`}
              onClick={() => revoke(invitation)}
            >
              Revoke
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Invited({ userId }: { userId: string }) {
  return <strong>{nameOf(useUser(userId))}</strong>;
}

function aboutOf({ uses, maxUses, userId, expiresAt }: Invitation): string {
  const used = maxUses ? `used ${uses} of ${maxUses}` : `used ${counted(uses, "time")}`;
  const until = expiresAt ? `until ${exactTime(timestampDate(expiresAt))}` : "";
  return userId ? until : `${used}, ${until}`;
}
