import type { MessageService } from "#gen/parley/message/v1/message_service_pb.js";
import type { Client } from "./connect-protocol.ts";
import type { Outbox } from "./outbox.ts";
import type { RoomStore } from "./room-types.ts";

/** What one does in a room. What comes of it comes as events, like what others do. */
export type RoomActions = Pick<
  RoomStore,
  "send" | "retry" | "discard" | "edit" | "delete" | "react" | "unreact" | "typing"
>;

export interface RoomActionsDeps {
  readonly messages: Client<typeof MessageService>;
  readonly outbox: Outbox;
  tellTyping(roomId: string): void;
}

const typingEveryMs = 3_000;

export function createRoomActions(roomId: string, deps: RoomActionsDeps): RoomActions {
  const { messages, outbox } = deps;
  let typedAt = 0;
  return {
    send: (text, options) => outbox.send(roomId, text, options?.replyToSeq),
    retry: (clientId) => outbox.retry(roomId, clientId),
    discard: (clientId) => outbox.discard(roomId, clientId),
    async edit(seq, text, options = {}) {
      await messages.editMessage({ roomId, seq, text }, options);
    },
    async delete(seq, options = {}) {
      await messages.deleteMessage({ roomId, seq }, options);
    },
    async react(seq, emoji, options = {}) {
      await messages.addReaction({ roomId, seq, emoji }, options);
    },
    async unreact(seq, emoji, options = {}) {
      await messages.removeReaction({ roomId, seq, emoji }, options);
    },
    typing() {
      if (Date.now() - typedAt < typingEveryMs) return;
      typedAt = Date.now();
      deps.tellTyping(roomId);
    },
  };
}
