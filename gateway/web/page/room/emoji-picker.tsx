import type { TargetedKeyboardEvent } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { emojiName, findEmoji } from "../text/emoji.ts";

export interface PickerRequest {
  /** What it was opened from, and gives the focus back to. */
  readonly beside: HTMLElement;
  readonly onPick: (emoji: string) => void;
}

const columns = 8;
const gapPx = 6;

/** Emoji to choose from, by arrows or by a word; in the browser's top layer, so that nothing is over it. */
export function EmojiPicker({ request, onClose }: { request: PickerRequest; onClose(): void }) {
  const { beside, onPick } = request;
  const element = useRef<HTMLDivElement>(null);
  const [query, setQuery] = useState("");
  const found = findEmoji(query);

  useEffect(() => {
    const picker = element.current!;
    picker.showPopover();
    place(picker, beside);
    picker.querySelector("input")?.focus();
    const toggled = (event: ToggleEvent) => {
      if (event.newState === "closed") onClose();
    };
    picker.addEventListener("toggle", toggled as EventListener);
    return () => {
      picker.removeEventListener("toggle", toggled as EventListener);
      if (beside.isConnected) beside.focus();
    };
  }, [request]);

  const pick = (emoji: string) => {
    onPick(emoji);
    onClose();
  };
  const move = (event: TargetedKeyboardEvent<HTMLElement>) => {
    const picker = event.currentTarget;
    const all = [...picker.querySelectorAll<HTMLElement>(".emoji")];
    const at = all.indexOf(document.activeElement as HTMLElement);
    const inField = at < 0;
    const steps: Record<string, number> = inField
      ? { ArrowDown: 0 }
      : {
          ArrowRight: at + 1,
          ArrowLeft: at - 1,
          ArrowDown: at + columns,
          ArrowUp: at - columns,
        };
    const next = steps[event.key];
    if (event.key === "Escape") onClose();
    else if (next === undefined) return;
    else if (next < 0) picker.querySelector("input")?.focus();
    else all[Math.min(next, all.length - 1)]?.focus();
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div
      ref={element}
      popover="auto"
      class="picker"
      role="dialog"
      aria-label="Choose an emoji"
      onKeyDown={move}
    >
      <input
        type="search"
        aria-label="Find an emoji"
        placeholder="Find an emoji"
        value={query}
        onInput={(event) => setQuery(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && found[0]) pick(found[0]);
        }}
      />
      <div class="picker-grid">
        {found.map((emoji) => (
          <button
            key={emoji}
            type="button"
            class="emoji"
            aria-label={emojiName(emoji)}
            title={emojiName(emoji)}
            onClick={() => pick(emoji)}
          >
            {emoji}
          </button>
        ))}
      </div>
      {found.length === 0 && <p class="muted">No emoji is called that.</p>}
    </div>
  );
}

/** Above what it belongs to if there is room, else below; within the window in any case. */
function place(picker: HTMLElement, beside: HTMLElement): void {
  const { left, right, top, bottom } = beside.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = picker;
  const wantedLeft = left + width < innerWidth ? left : right - width;
  const wantedTop = top - height - gapPx > 0 ? top - height - gapPx : bottom + gapPx;
  picker.style.left = `${Math.max(gapPx, Math.min(wantedLeft, innerWidth - width - gapPx))}px`;
  picker.style.top = `${Math.max(gapPx, Math.min(wantedTop, innerHeight - height - gapPx))}px`;
}
