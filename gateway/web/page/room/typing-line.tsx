import { useParley } from "../state/context.ts";
import { useObservable } from "../state/observable.ts";
import { nameOf } from "../text/words.ts";

/** Who is typing. Not said by a screen reader: it would talk all the time. */
export function TypingLine({ typing }: { typing: readonly string[] }) {
  const parley = useParley();
  const first = useObservable(parley.user(typing[0] ?? ""));
  const second = useObservable(parley.user(typing[1] ?? ""));
  return (
    <div class="typing" aria-hidden="true">
      {typing.length > 0 && (
        <>
          <span class="typing-dots">
            <i />
            <i />
            <i />
          </span>
          {typing.length === 1 && `${nameOf(first)} is typing`}
          {typing.length === 2 && `${nameOf(first)} and ${nameOf(second)} are typing`}
          {typing.length > 2 && "Several people are typing"}
        </>
      )}
    </div>
  );
}
