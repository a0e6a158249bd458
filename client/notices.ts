import type { TimelineEvent } from "#gen/parley/message/v1/timeline_pb.js";
import type { Notice } from "./room-types.ts";

/** What an event that is no message says. One of a kind that came after this client was made says nothing. */
export function noticeOf({ body }: TimelineEvent): Notice {
  if (body.case === "memberJoined") return { type: "joined", userId: body.value.userId };
  if (body.case === "memberLeft") return { type: "left", userId: body.value.userId };
  if (body.case === "memberRemoved") return { type: "removed", userId: body.value.userId };
  if (body.case === "roleChanged") {
    const { userId, role } = body.value;
    return { type: "roleChanged", userId, role };
  }
  if (body.case === "roomUpdated") {
    const { name, topic } = body.value;
    return { type: "renamed", name, topic };
  }
  return body.case === "roomDeleted" ? { type: "deleted" } : { type: "other" };
}
