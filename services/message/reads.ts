import { MessageNotFoundError, RoomNotFoundError } from "./errors.ts";
import type { RoomSync } from "./room-sync.ts";
import type { MessageDatabase } from "./timeline-queue.ts";
import type { EventRow, MessageRow, Page, SeqBounds } from "./types.ts";

/** What members read of rooms. Who is in none of them, as far as Room knows too, gets RoomNotFoundError. */
export interface Reads {
  timeline(roomId: string, userId: string, bounds: SeqBounds, limit: number): Promise<Page<EventRow>>;
  messages(roomId: string, userId: string, bounds: SeqBounds, limit: number): Promise<Page<MessageRow>>;
  /** Throws MessageNotFoundError too. */
  message(roomId: string, userId: string, seq: number): Promise<MessageRow>;
}

export interface ReadsDeps {
  database: Pick<MessageDatabase, "read">;
  roomSync: Pick<RoomSync, "tryPull">;
}

export function createReads({ database, roomSync }: ReadsDeps): Reads {
  /** Asked again, once, when what Room has not handed over is pulled. */
  async function ofMembers<T>(roomId: string, ask: () => Promise<T | undefined>): Promise<T> {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await roomSync.tryPull(roomId);
    const second = await ask();
    if (second === undefined) throw new RoomNotFoundError();
    return second;
  }

  return {
    timeline: (roomId, ...rest) => ofMembers(roomId, () => database.read("listTimeline", roomId, ...rest)),
    messages: (roomId, ...rest) => ofMembers(roomId, () => database.read("listMessages", roomId, ...rest)),
    async message(roomId, ...rest) {
      const row = await ofMembers(roomId, () => database.read("getMessage", roomId, ...rest));
      if (row === null) throw new MessageNotFoundError();
      return row;
    },
  };
}
