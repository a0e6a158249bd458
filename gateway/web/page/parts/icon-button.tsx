import type { JSX } from "preact";
import { Icon, type IconName } from "./icon.tsx";

type Props = JSX.IntrinsicElements["button"] & { icon: IconName; label: string; shortcut?: string };

/** A button that is a picture: its label is what a screen reader says, and what one sees who points at it. */
export function IconButton({ icon, label, shortcut, class: more, ...rest }: Props) {
  return (
    <button
      type="button"
      {...rest}
      class={`icon-button ${more ?? ""}`}
      aria-label={label}
      aria-keyshortcuts={shortcut}
      title={shortcut ? `${label} (${shortcut})` : label}
    >
      <Icon name={icon} />
    </button>
  );
}
