import { useState } from "preact/hooks";
import { ParleyError } from "../../../../client/index.ts";
import { useAction } from "../state/action.ts";
import { useParley, useToasts } from "../state/context.ts";
import { useObservable } from "../state/observable.ts";
import { goTo } from "../state/route.ts";
import { relativeTime } from "../text/time.ts";
import { failureText } from "../text/words.ts";

/** Invitations that name oneself. Those that were put aside, or don't work any more, are not shown again on this visit. */
export function InvitationList() {
  const parley = useParley();
  const toasts = useToasts();
  const action = useAction();
  const invitations = useObservable(parley.invitations);
  const [aside, setAside] = useState<ReadonlySet<string>>(new Set());
  const shown = invitations.filter(({ invitationId }) => !aside.has(invitationId));
  if (shown.length === 0) return null;

  const putAside = (invitationId: string) => setAside(new Set([...aside, invitationId]));
  const accept = (invitationId: string) =>
    action.run(async () => {
      try {
        const { room } = await parley.rooms.acceptInvitation({
          by: { case: "invitationId", value: invitationId },
        });
        goTo({ at: "room", roomId: room!.roomId });
      } catch (error) {
        if (!(error instanceof ParleyError) || error.reason !== "INVITATION_NOT_FOUND") throw error;
        putAside(invitationId);
        toasts.show(failureText(error), "failed");
      }
    });
  return (
    <section class="invitations" aria-label="Invitations">
      {shown.map(({ invitationId, at }) => (
        <div key={invitationId} class="invitation">
          <p>
            You are invited to a room. <span class="muted">{relativeTime(at)}</span>
          </p>
          <div class="button-row">
            <button
              type="button"
              class="button small primary"
              disabled={action.busy}
              onClick={() => accept(invitationId)}
            >
              Join
            </button>
            <button type="button" class="button small" onClick={() => putAside(invitationId)}>
              Not now
            </button>
          </div>
        </div>
      ))}
    </section>
  );
}
