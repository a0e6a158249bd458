import type { MessageItem } from "../../../../client/index.ts";
import { IconButton } from "../parts/icon-button.tsx";
import { quickEmoji } from "../text/emoji.ts";
import { useRoom } from "./room-context.ts";

interface MessageActionsProps {
  item: MessageItem;
  isActive: boolean;
  mayDelete: boolean;
}

/** What one can do with a message: there when it has the pointer or the focus. */
export function MessageActions({ item, isActive, mayDelete }: MessageActionsProps) {
  const { reply, edit, remove, toggleReaction, pickEmoji } = useRoom();
  const tabIndex = isActive ? 0 : -1;
  return (
    <div class="message-actions" role="toolbar" aria-label="Message actions">
      {quickEmoji.slice(0, 3).map((emoji) => (
        <button
          key={emoji}
          type="button"
          class="icon-button quick-emoji"
          tabIndex={tabIndex}
          aria-label={`React with ${emoji}`}
          onClick={() => toggleReaction(item, emoji)}
        >
          {emoji}
        </button>
      ))}
      <IconButton
        icon="smile"
        label="React"
        shortcut="A"
        tabIndex={tabIndex}
        data-action="react"
        onClick={({ currentTarget }) => pickEmoji(currentTarget, (emoji) => toggleReaction(item, emoji))}
      />
      <IconButton icon="reply" label="Reply" shortcut="R" tabIndex={tabIndex} onClick={() => reply(item)} />
      {item.mine && (
        <IconButton icon="edit" label="Edit" shortcut="E" tabIndex={tabIndex} onClick={() => edit(item)} />
      )}
      {mayDelete && (
        <IconButton
          icon="trash"
          label="Delete"
          shortcut="Delete"
          tabIndex={tabIndex}
          onClick={() => remove(item)}
        />
      )}
    </div>
  );
}
