import type { OutgoingMessage } from "../../../../client/index.ts";
import { Avatar } from "../parts/avatar.tsx";
import { useMe } from "../state/context.ts";
import { memo } from "../state/memo.ts";
import { clockTime } from "../text/time.ts";
import { failureText, nameOf } from "../text/words.ts";
import { MessageText } from "./message-text.tsx";
import { useRoom } from "./room-context.ts";

/** One's own message on its way: it is as it will be, but paler, and says so. */
export const Outgoing = memo(function Outgoing({
  message,
  isFirst,
}: {
  message: OutgoingMessage;
  isFirst: boolean;
}) {
  const me = useMe();
  const { store } = useRoom();
  const { clientId, createdAt, state, error } = message;
  return (
    <article
      class={`message is-outgoing ${isFirst ? "is-first" : ""}`}
      tabIndex={-1}
      aria-label={`${nameOf(me)}: ${message.text}. ${state === "failed" ? "Not sent" : "Sending"}`}
    >
      {isFirst ? (
        <Avatar id={me.userId} name={nameOf(me)} />
      ) : (
        <time class="message-aside">{clockTime(createdAt)}</time>
      )}
      <div class="message-main">
        {isFirst && (
          <header class="message-head">
            <span class="message-author">{nameOf(me)}</span>
            <time>{clockTime(createdAt)}</time>
          </header>
        )}
        <MessageText text={message.text} />
        {state === "pending" && <span class="message-state">Sending…</span>}
        {state === "failed" && (
          <p class="message-failed" role="alert">
            Not sent. {error && failureText(error)}{" "}
            <button type="button" class="link" onClick={() => store.retry(clientId)}>
              Try again
            </button>{" "}
            <button type="button" class="link" onClick={() => store.discard(clientId)}>
              Discard
            </button>
          </p>
        )}
      </div>
    </article>
  );
});
