import type { MessageItem } from "../../../../client/index.ts";
import { Icon } from "../parts/icon.tsx";
import { emojiName } from "../text/emoji.ts";
import { useRoom } from "./room-context.ts";

/** How people reacted. A press joins them, or takes it back. */
export function Reactions({ item, isActive }: { item: MessageItem; isActive: boolean }) {
  const { toggleReaction, pickEmoji } = useRoom();
  if (item.reactions.length === 0) return null;
  const tabIndex = isActive ? 0 : -1;
  return (
    <ul class="reactions" aria-label="Reactions">
      {item.reactions.map(({ emoji, count, mine }) => (
        <li key={emoji}>
          <button
            type="button"
            class="reaction"
            tabIndex={tabIndex}
            aria-pressed={mine}
            aria-label={`${emojiName(emoji)}, ${count}${mine ? ", yours among them" : ""}`}
            onClick={() => toggleReaction(item, emoji)}
          >
            <span>{emoji}</span> {count}
          </button>
        </li>
      ))}
      <li>
        <button
          type="button"
          class="reaction reaction-add"
          tabIndex={tabIndex}
          aria-label="Add a reaction"
          onClick={({ currentTarget }) => pickEmoji(currentTarget, (emoji) => toggleReaction(item, emoji))}
        >
          <Icon name="smile" />
        </button>
      </li>
    </ul>
  );
}
