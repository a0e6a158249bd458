import type { ComponentChildren } from "preact";
import { useAction } from "../state/action.ts";
import { Dialog } from "./dialog.tsx";

interface ConfirmProps {
  title: string;
  /** What will happen. */
  children: ComponentChildren;
  /** The verb of the button that does it. */
  verb: string;
  work(): Promise<unknown>;
  onClose(): void;
}

/** Asks before something that can't be undone. */
export function ConfirmDialog({ title, children, verb, work, onClose }: ConfirmProps) {
  const action = useAction();
  const confirm = () => action.run(() => work().then(onClose));
  return (
    <Dialog
      title={title}
      onClose={onClose}
      actions={
        <>
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="button" class="button danger" data-autofocus disabled={action.busy} onClick={confirm}>
            {verb}
          </button>
        </>
      }
    >
      <p class="dialog-text">{children}</p>
    </Dialog>
  );
}
