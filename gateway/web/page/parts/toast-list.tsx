import { useToasts } from "../state/context.ts";
import { useObservable } from "../state/observable.ts";
import { Icon } from "./icon.tsx";
import { IconButton } from "./icon-button.tsx";

/** Short words at the lower edge, said by a screen reader as they come. */
export function ToastList() {
  const toasts = useToasts();
  const shown = useObservable(toasts.shown);
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
