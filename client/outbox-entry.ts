import type { Code } from "./code.ts";
import { ParleyError } from "./errors.ts";
import type { OutgoingMessage } from "./room-types.ts";

/** A message on its way, as it is stored. */
export interface OutboxEntry {
  readonly clientId: string;
  readonly roomId: string;
  readonly text: string;
  /** A bigint in digits. */
  readonly replyToSeq?: string;
  /** In ms since 1970. */
  readonly createdAt: number;
  /** Why it failed; absent while it is to be sent. */
  readonly failure?: { readonly reason: string; readonly code: Code; readonly message: string };
}

/** What the keys of a person's entries begin with: of all of them, or of a room's. */
export function outboxPrefix(userId: string, roomId?: string): string {
  return roomId === undefined ? `outbox/${userId}/` : `outbox/${userId}/${roomId}/`;
}

/** As it is shown. `sentSeq`: what it is once the server has it. */
export function outgoingMessage(entry: OutboxEntry, sentSeq: bigint | undefined): OutgoingMessage {
  const { clientId, roomId, text, replyToSeq, createdAt, failure } = entry;
  const state = sentSeq !== undefined ? "sent" : failure ? "failed" : "pending";
  return {
    clientId,
    roomId,
    text,
    createdAt: new Date(createdAt),
    state,
    ...(replyToSeq !== undefined && { replyToSeq: BigInt(replyToSeq) }),
    ...(failure && state === "failed" && { error: new ParleyError(failure.message, failure) }),
  };
}
