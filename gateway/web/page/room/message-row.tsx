import { useId } from "preact/hooks";
import type { MessageItem } from "../../../../client/index.ts";
import { Avatar } from "../parts/avatar.tsx";
import { Icon } from "../parts/icon.tsx";
import { useMe, useUser } from "../state/context.ts";
import { memo } from "../state/memo.ts";
import { clockTime, exactTime } from "../text/time.ts";
import { nameOf } from "../text/words.ts";
import { MessageActions } from "./message-actions.tsx";
import { MessageText } from "./message-text.tsx";
import { Reactions } from "./reactions.tsx";
import { useRoom } from "./room-context.ts";

interface MessageProps {
  item: MessageItem;
  isFirst: boolean;
  /** The one of the timeline that Tab leads to. */
  isTabStop: boolean;
  /** It has the focus: then Tab leads on to what one can do with it. */
  isActive: boolean;
  mayDelete: boolean;
}

/** A message with all that belongs to it. */
export const Message = memo(function Message({
  item,
  isFirst,
  isTabStop,
  isActive,
  mayDelete,
}: MessageProps) {
  const id = useId();
  const author = useUser(item.authorId);
  const name = nameOf(author);
  return (
    <article
      class={isFirst ? "message is-first" : "message"}
      tabIndex={isTabStop ? 0 : -1}
      aria-labelledby={`${id}-author ${id}-body ${id}-time`}
      data-seq={item.seq}
    >
      {isFirst ? (
        <Avatar id={item.authorId} name={name} />
      ) : (
        <time class="message-aside" dateTime={item.at.toISOString()} title={exactTime(item.at)}>
          {clockTime(item.at)}
        </time>
      )}
      <div class="message-main">
        {item.replyTo && !item.deleted && <ReplyLine replyTo={item.replyTo} />}
        <header class={isFirst ? "message-head" : "visually-hidden"}>
          <span class="message-author" id={`${id}-author`}>
            {name}
          </span>
          <time id={`${id}-time`} dateTime={item.at.toISOString()} title={exactTime(item.at)}>
            {clockTime(item.at)}
          </time>
        </header>
        <div id={`${id}-body`}>
          {item.deleted ? (
            <p class="message-deleted">This message was deleted.</p>
          ) : (
            <MessageText text={item.text} />
          )}
          {item.editedAt && !item.deleted && (
            <span class="message-edited" title={exactTime(item.editedAt)}>
              edited
            </span>
          )}
        </div>
        <Reactions item={item} isActive={isActive} />
      </div>
      {!item.deleted && <MessageActions item={item} isActive={isActive} mayDelete={mayDelete} />}
    </article>
  );
});

/** What it answers; a press shows that. */
function ReplyLine({ replyTo }: { replyTo: NonNullable<MessageItem["replyTo"]> }) {
  const { showMessage } = useRoom();
  const { seq, preview } = replyTo;
  return (
    <button type="button" class="reply-line" tabIndex={-1} onClick={() => showMessage(seq)}>
      <Icon name="reply" />
      {preview ? <ReplyText {...preview} /> : <span>An earlier message</span>}
    </button>
  );
}

export function ReplyText({ authorId, text, deleted }: { authorId: string; text: string; deleted: boolean }) {
  const me = useMe();
  const author = useUser(authorId);
  return (
    <>
      <strong>{authorId === me.userId ? "You" : nameOf(author)}</strong>
      <span class="reply-text">{deleted ? "A deleted message" : text.replaceAll(/\s+/g, " ")}</span>
    </>
  );
}
