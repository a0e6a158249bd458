import { hueOf, initialsOf } from "../text/initials.ts";

/** Stands beside a name, which a screen reader says; so this says nothing. */
export function Avatar({ id, name, size = "medium" }: AvatarProps) {
  return (
    <span class={`avatar avatar-${size} hue-${hueOf(id)}`} aria-hidden="true">
      {initialsOf(name)}
    </span>
  );
}

interface AvatarProps {
  /** Of the person or the room: gives the colour. */
  id: string;
  name: string;
  size?: "small" | "medium" | "large";
}
