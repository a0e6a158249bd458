import type { TimelineEvent } from "#gen/parley/message/v1/timeline_pb.js";
import type { Room } from "#gen/parley/room/v1/room_pb.js";

/** The room after an event. */
export function changedRoom(room: Room, { body }: TimelineEvent, userId: string | undefined): Room {
  if (body.case === "roomUpdated") return { ...room, name: body.value.name, topic: body.value.topic };
  if (body.case === "roleChanged" && body.value.userId === userId)
    return { ...room, myRole: body.value.role };
  if (body.case === "memberJoined") return { ...room, memberCount: room.memberCount + 1 };
  if (body.case === "memberLeft" || body.case === "memberRemoved")
    return { ...room, memberCount: room.memberCount - 1 };
  return room;
}
