import type { RecordHandler } from "../common/events/event-log.ts";
import type { roomTopic } from "../common/events/topics.ts";
import type { RoomSync } from "./room-sync.ts";
import type { MessageDatabase } from "./timeline-queue.ts";

/**
 * Room's changes as the event log carries them, once more: a change that was not handed over, because a process died in
 * between, is noticed here. What is missing is asked of Room rather than taken from the records, which may hold half of
 * what one call did.
 */
export function createRoomConsumer(deps: {
  database: Pick<MessageDatabase, "read">;
  roomSync: Pick<RoomSync, "pull">;
}): RecordHandler<typeof roomTopic.schema> {
  const { database, roomSync } = deps;
  return async (records) => {
    const newest = new Map<string, number>();
    for (const { key, number } of records) newest.set(key, Math.max(newest.get(key) ?? 0, Number(number)));
    const roomIds = [...newest.keys()];
    const applied = await database.read("roomVersions", roomIds);
    const behind = roomIds.filter((roomId, index) => applied[index]! < newest.get(roomId)!);
    for (const roomId of behind) await roomSync.pull(roomId);
  };
}
