import type { TimelineEvent } from "#gen/parley/message/v1/timeline_pb.js";
import type { Room } from "#gen/parley/room/v1/room_pb.js";
import type { RoomService } from "#gen/parley/room/v1/room_service_pb.js";
import { pause } from "./abort.ts";
import type { Client } from "./connect-protocol.ts";
import { changedRoom } from "./room-changes.ts";

/** What a room is: asked for once, and kept by events from then on. */
export interface KeptRoom {
  readonly room: Room | undefined;
  ask(signal: AbortSignal): Promise<void>;
  /** An event after what was known. */
  event(event: TimelineEvent, signal: AbortSignal): void;
  clear(): void;
}

export interface KeptRoomDeps {
  readonly roomId: string;
  readonly rooms: Pick<Client<typeof RoomService>, "getRoom">;
  userId(): string | undefined;
  onChange(): void;
}

/** An event that comes sooner after an answer may be part of it: how many are in the room isn't sure then. */
const unsureMs = 5_000;
const gatherMs = 1_000;
/** In a room to which people come all the time the number is never sure, and not worth more. */
const maxRecounts = 3;

export function createKeptRoom({ roomId, rooms, userId, onChange }: KeptRoomDeps): KeptRoom {
  let room: Room | undefined;
  let answeredAt = 0;
  let changes = 0;
  let recounts = 0;
  let isRecounting = false;

  function take(answer: Room | undefined): void {
    room = answer;
    answeredAt = Date.now();
  }

  async function recount(signal: AbortSignal): Promise<void> {
    while (recounts < maxRecounts) {
      recounts += 1;
      await pause(gatherMs, signal);
      const before = changes;
      const answer = await rooms.getRoom({ roomId }, { signal });
      signal.throwIfAborted();
      // The answer may be from before what came with it.
      if (changes !== before) continue;
      take(answer.room);
      return onChange();
    }
  }

  return {
    get room() {
      return room;
    },
    async ask(signal) {
      recounts = 0;
      const answer = await rooms.getRoom({ roomId }, { signal });
      signal.throwIfAborted();
      take(answer.room);
    },
    event(event, signal) {
      if (!room) return;
      const before = room;
      room = changedRoom(room, event, userId());
      if (room === before) return;
      changes += 1;
      const isUnsure = room.memberCount !== before.memberCount && Date.now() - answeredAt < unsureMs;
      if (!isUnsure || isRecounting) return;
      isRecounting = true;
      recount(signal)
        // What was counted by events stands.
        .catch(() => {})
        .finally(() => {
          isRecounting = false;
        });
    },
    clear() {
      room = undefined;
    },
  };
}
