import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { MessageItem } from "../../../../client/index.ts";
import { Icon } from "../parts/icon.tsx";
import { IconButton } from "../parts/icon-button.tsx";
import { useAction } from "../state/action.ts";
import { useMe } from "../state/context.ts";
import { counted } from "../text/words.ts";
import { ReplyText } from "./message-row.tsx";
import { useRoom } from "./room-context.ts";

/** What the field is for at the moment. */
export type Purpose =
  | { readonly kind: "new" }
  | { readonly kind: "reply"; readonly to: MessageItem }
  | { readonly kind: "edit"; readonly message: MessageItem };

interface ComposerProps {
  purpose: Purpose;
  placeholder: string;
  onDone(): void;
  /** Arrow up in an empty field. */
  onEditLast(): void;
  onSent(): void;
}

const maxLength = 8000;
/** How near the bound it is said. */
const nearBound = 500;
/** By person and room, what was begun there, until the page is closed. */
const drafts = new Map<string, string>();
/** With the text; where the browser doesn't do it, we do. */
const growsByItself = CSS.supports("field-sizing", "content");
/** On a phone, Enter is for a new line, and a button sends. */
const entersSend = !matchMedia("(pointer: coarse)").matches;

/** Where one writes: a new message, a reply, or an earlier one anew. */
export function Composer({ purpose, placeholder, onDone, onEditLast, onSent }: ComposerProps) {
  const { store, pickEmoji } = useRoom();
  const place = `${useMe().userId}/${store.roomId}`;
  const field = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState(drafts.get(place) ?? "");
  const action = useAction();
  const isEdit = purpose.kind === "edit";

  // What was begun waits while an earlier message is edited.
  useEffect(() => {
    if (purpose.kind === "edit") setText(purpose.message.text);
    else setText(drafts.get(place) ?? "");
    if (purpose.kind !== "new") field.current?.focus();
  }, [purpose]);
  useLayoutEffect(() => {
    const { current } = field;
    if (!current || growsByItself) return;
    current.style.height = "auto";
    current.style.height = `${current.scrollHeight}px`;
  }, [text]);

  const write = (next: string) => {
    setText(next);
    if (isEdit) return;
    drafts.set(place, next);
    if (next !== "") store.typing();
  };
  const length = [...text].length;
  const canSend = text.trim() !== "" && length <= maxLength && !action.busy;

  function submit() {
    if (!canSend) return;
    if (purpose.kind === "edit") {
      const { seq } = purpose.message;
      return action.run(async () => {
        if (text !== purpose.message.text) await store.edit(seq, text);
        onDone();
      });
    }
    store.send(text, purpose.kind === "reply" ? { replyToSeq: purpose.to.seq } : {});
    drafts.delete(place);
    setText("");
    onDone();
    onSent();
    field.current?.focus();
  }

  function pressed(event: KeyboardEvent) {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey && (entersSend || event.ctrlKey)) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape" && purpose.kind !== "new") {
      event.preventDefault();
      onDone();
    } else if (event.key === "ArrowUp" && !event.altKey && text === "" && purpose.kind === "new") {
      event.preventDefault();
      onEditLast();
    }
  }

  const insert = (emoji: string) => {
    const { selectionStart = text.length, selectionEnd = text.length } = field.current ?? {};
    write(text.slice(0, selectionStart) + emoji + text.slice(selectionEnd));
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {purpose.kind !== "new" && <PurposeLine purpose={purpose} onCancel={onDone} />}
      <div class="composer-box">
        <textarea
          ref={field}
          rows={1}
          class="composer-field"
          aria-label={isEdit ? "Edit message" : placeholder}
          placeholder={placeholder}
          value={text}
          onInput={(event) => write(event.currentTarget.value)}
          onKeyDown={pressed}
        />
        <IconButton
          icon="smile"
          label="Insert an emoji"
          onClick={({ currentTarget }) => pickEmoji(currentTarget, insert)}
        />
        <button
          type="submit"
          class="icon-button send"
          disabled={!canSend}
          aria-label={isEdit ? "Save" : "Send"}
          title={isEdit ? "Save" : "Send"}
        >
          <Icon name={isEdit ? "tick" : "send"} />
        </button>
      </div>
      {length > maxLength - nearBound && (
        <p class={length > maxLength ? "composer-note field-error" : "composer-note"} role="status">
          {length > maxLength
            ? `${counted(length - maxLength, "character")} too long`
            : `${counted(maxLength - length, "character")} left`}
        </p>
      )}
    </form>
  );
}

function PurposeLine({
  purpose,
  onCancel,
}: {
  purpose: Exclude<Purpose, { kind: "new" }>;
  onCancel(): void;
}) {
  const isReply = purpose.kind === "reply";
  const message = isReply ? purpose.to : purpose.message;
  return (
    <div class="composer-purpose">
      <Icon name={isReply ? "reply" : "edit"} />
      <span class="visually-hidden">{isReply ? "Reply to" : "Editing"}</span>
      <ReplyText {...message} />
      <IconButton
        icon="close"
        label={isReply ? "No reply" : "Stop editing"}
        shortcut="Escape"
        onClick={onCancel}
      />
    </div>
  );
}
