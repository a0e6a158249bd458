import type { User } from "../../../../client/index.ts";
import { Avatar } from "../parts/avatar.tsx";
import { nameOf } from "../text/words.ts";

/** A person to press on: picture, name, username; what a press does is said to a screen reader. */
export function PersonLine({ verb, person }: { verb: string; person: User }) {
  return (
    <>
      <span class="visually-hidden">{verb}</span>
      <Avatar id={person.userId} name={nameOf(person)} size="small" />
      <span class="list-text">
        <span class="person-name">{nameOf(person)}</span>
        <span class="muted">{person.username}</span>
      </span>
    </>
  );
}
