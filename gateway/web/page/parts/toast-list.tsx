import { useToasts } from "../state/context.ts";
import { useObservable } from "../state/observable.ts";
import { Icon } from "./icon.tsx";
import { IconButton } from "./icon-button.tsx";

/**
 * Short words at the lower edge, said by a screen reader as they come. There is a list in each open dialogue, since what
 * is behind one can't be reached, and the topmost shows them.
 */
export function ToastList({ depth = 0 }: { depth?: number }) {
  const toasts = useToasts();
  const top = useObservable(toasts.depth);
  const all = useObservable(toasts.shown);
  const shown = depth === top ? all : [];
  return (
    <div class="toasts" aria-live="polite">
      {shown.map(({ id, text, kind }) => (
        <div key={id} class={`toast toast-${kind}`}>
          <Icon name={kind === "done" ? "tick" : "warning"} />
          <span>{text}</span>
          <IconButton icon="close" label="Dismiss" onClick={() => toasts.dismiss(id)} />
        </div>
      ))}
    </div>
  );
}
