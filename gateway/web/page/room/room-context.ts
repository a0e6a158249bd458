import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { MessageItem, RoomStore } from "../../../../client/index.ts";

/** What the parts of an open room do with it. The same object while the room is open. */
export interface RoomActions {
  readonly store: RoomStore;
  reply(message: MessageItem): void;
  edit(message: MessageItem): void;
  remove(message: MessageItem): void;
  /** Adds the reaction, or takes it back. */
  toggleReaction(message: MessageItem, emoji: string): void;
  /** Opens the emoji beside the element, which gets the focus back. */
  pickEmoji(beside: HTMLElement, onPick: (emoji: string) => void): void;
  /** Shows the message, however far back it is, within reason. */
  showMessage(seq: bigint): void;
  /** Puts the cursor where one writes. */
  focusComposer(): void;
}

export const RoomContext = createContext<RoomActions | undefined>(undefined);

export function useRoom(): RoomActions {
  const actions = useContext(RoomContext);
  if (actions === undefined) throw new Error("no room is open here");
  return actions;
}
