import { create } from "@bufbuild/protobuf";
import {
  AddReactionRequestSchema,
  RemoveReactionRequestSchema,
} from "#gen/parley/message/v1/message_service_pb.js";
import type { ClientFrame } from "#gen/parley/realtime/v1/frames_pb.js";
import type { Operation } from "./write-router.ts";

/** A frame that is a write of Message's, and the room it is for; undefined for any other frame. */
export function operationOf({ kind }: ClientFrame): { roomId: string; operation: Operation } | undefined {
  switch (kind.case) {
    case "send":
      return { roomId: kind.value.roomId, operation: { case: "send", value: kind.value } };
    case "edit":
      return { roomId: kind.value.roomId, operation: { case: "edit", value: kind.value } };
    case "delete":
      return { roomId: kind.value.roomId, operation: { case: "delete", value: kind.value } };
    case "markRead":
      return { roomId: kind.value.roomId, operation: { case: "markRead", value: kind.value } };
    case "react": {
      const { roomId, seq, emoji, remove } = kind.value;
      const reaction = { roomId, seq, emoji };
      return {
        roomId,
        operation: remove
          ? { case: "removeReaction", value: create(RemoveReactionRequestSchema, reaction) }
          : { case: "addReaction", value: create(AddReactionRequestSchema, reaction) },
      };
    }
    default:
      return undefined;
  }
}
