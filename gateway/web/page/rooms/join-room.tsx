import { useEffect, useState } from "preact/hooks";
import { Dialog } from "../parts/dialog.tsx";
import { Skeleton } from "../parts/skeleton.tsx";
import { useParley, useToasts } from "../state/context.ts";
import { replaceBy } from "../state/route.ts";
import { failureText } from "../text/words.ts";

/** What an invitation's link leads to: one is in the room, or is told why not. */
export function JoinRoom({ code }: { code: string }) {
  const parley = useParley();
  const toasts = useToasts();
  const [error, setError] = useState<unknown>();
  const [tries, setTries] = useState(1);
  useEffect(() => {
    const aborter = new AbortController();
    const { signal } = aborter;
    setError(undefined);
    parley.rooms.acceptInvitation({ by: { case: "code", value: code } }, { signal }).then(
      ({ room }) => {
        if (signal.aborted) return;
        toasts.show(`You are in ${room!.name}`);
        replaceBy({ at: "room", roomId: room!.roomId });
      },
      (failure) => {
        if (!signal.aborted) setError(failure);
      },
    );
    return () => aborter.abort();
  }, [parley, toasts, code, tries]);

  const failed = error !== undefined;
  const leave = () => replaceBy({ at: "home" });
  return (
    <Dialog
      title={failed ? "This link didn't work" : "Joining the room"}
      onClose={leave}
      actions={
        failed && (
          <>
            <button type="button" class="button" onClick={() => setTries(tries + 1)}>
              Try again
            </button>
            <button type="button" class="button primary" data-autofocus onClick={leave}>
              Go to my rooms
            </button>
          </>
        )
      }
    >
      {failed ? (
        <p class="dialog-text" role="alert">
          {failureText(error)}
        </p>
      ) : (
        <Skeleton rows={2} label="Joining" />
      )}
    </Dialog>
  );
}
