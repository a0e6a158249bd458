import type { MessageService } from "#gen/parley/message/v1/message_service_pb.js";
import type { Client } from "./connect-protocol.ts";
import type { Timeline } from "./timeline.ts";

/** Makes a room's window on its timeline longer, page by page. Each ends with its signal, and rejects then. */
export interface RoomPages {
  older(signal: AbortSignal): Promise<void>;
  newer(signal: AbortSignal): Promise<void>;
  /** Looks up what messages answer, one after the other. Never rejects. */
  quote(signal: AbortSignal): Promise<void>;
}

export interface RoomPagesDeps {
  readonly roomId: string;
  readonly messages: Client<typeof MessageService>;
  readonly timeline: Timeline;
  readonly maxItems: number;
  onChange(): void;
}

export const pageSize = 100;
/** Pages are loaded until so many items are there, since most events of a page may be reactions. */
export const enoughItems = 30;

export function createRoomPages({
  roomId,
  messages,
  timeline,
  maxItems,
  onChange,
}: RoomPagesDeps): RoomPages {
  async function older(signal: AbortSignal): Promise<void> {
    const wanted = timeline.items.length + enoughItems;
    while (timeline.hasOlder) {
      const page = await messages.listTimeline({ roomId, beforeSeq: timeline.low, pageSize }, { signal });
      signal.throwIfAborted();
      const { low } = timeline;
      timeline.addOlder(page.events);
      onChange();
      if (timeline.low === low) break;
      // The window is full: what was gained at one end was lost at the other.
      if (timeline.items.length >= Math.min(wanted, maxItems)) break;
    }
    void quote(signal);
  }

  async function newer(signal: AbortSignal): Promise<void> {
    const last = timeline.items.at(-1)?.seq;
    while (timeline.hasNewer) {
      const page = await messages.listTimeline({ roomId, afterSeq: timeline.high, pageSize }, { signal });
      signal.throwIfAborted();
      const { high } = timeline;
      timeline.addNewer(page.events);
      onChange();
      if (timeline.high === high) break;
      if (timeline.items.at(-1)?.seq !== last) break;
    }
    void quote(signal);
  }

  async function quote(signal: AbortSignal): Promise<void> {
    for (const seq of timeline.missingQuotes()) {
      try {
        const { message } = await messages.getMessage({ roomId, seq }, { signal });
        if (signal.aborted || !message) return;
        const { authorId, text, deletedAt } = message;
        timeline.quote(seq, { authorId, text, deleted: deletedAt !== undefined });
        onChange();
      } catch {
        return;
      }
    }
  }

  return { older, newer, quote };
}
