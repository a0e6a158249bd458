import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { FeedEntry } from "#gen/parley/message/v1/feed_pb.js";
import { createView, type View } from "./observable.ts";
import type { NamedInvitation } from "./types.ts";

/** Invitations by name that weren't accepted, of the feed's entries. */
export interface NamedInvitations {
  readonly state: View<readonly NamedInvitation[]>;
  take(entry: FeedEntry): void;
  clear(): void;
}

export function createNamedInvitations(): NamedInvitations {
  const open = new Map<string, NamedInvitation>();
  const state = createView<readonly NamedInvitation[]>(() => [...open.values()]);
  return {
    state,
    take({ at, body }) {
      if (body.case === "invited") {
        const { roomId, invitationId } = body.value;
        // A later one to the same room counts.
        open.set(roomId, { roomId, invitationId, at: at ? timestampDate(at) : new Date(0) });
      } else if (body.case === "roomJoined") open.delete(body.value.roomId);
      else return;
      state.invalidate();
    },
    clear() {
      open.clear();
      state.invalidate();
    },
  };
}
