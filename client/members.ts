import { create } from "@bufbuild/protobuf";
import type { TimelineEvent } from "#gen/parley/message/v1/timeline_pb.js";
import { type Member, MemberSchema } from "#gen/parley/room/v1/room_pb.js";
import type { RoomService } from "#gen/parley/room/v1/room_service_pb.js";
import type { Client } from "./connect-protocol.ts";
import { pagesOf } from "./pages.ts";

/** A room's members, once somebody wants to know, and live from then on. */
export interface Members {
  readonly all: readonly Member[];
  readonly isLoaded: boolean;
  /** Begins anew if they are cleared meanwhile. */
  load(signal?: AbortSignal): Promise<void>;
  event(event: TimelineEvent): void;
  clear(): void;
}

export function createMembers(
  calls: Pick<Client<typeof RoomService>, "listMembers">,
  roomId: string,
  onChange: () => void,
): Members {
  let members: Map<string, Member> | undefined;
  let shown: readonly Member[] = [];
  /** For each load under way, what happened since it began: some of its pages may be from before. */
  const underWay = new Set<TimelineEvent[]>();

  function show(): void {
    shown = [...(members?.values() ?? [])];
    onChange();
  }

  function apply(into: Map<string, Member>, { at, body }: TimelineEvent): boolean {
    if (body.case === "memberJoined") {
      const { userId, role } = body.value;
      into.set(userId, create(MemberSchema, { userId, role, ...(at && { joinedAt: at }) }));
    } else if (body.case === "memberLeft" || body.case === "memberRemoved") into.delete(body.value.userId);
    else if (body.case === "roleChanged") {
      const member = into.get(body.value.userId);
      if (member) into.set(member.userId, { ...member, role: body.value.role });
    } else return false;
    return true;
  }

  async function loadAll(signal?: AbortSignal): Promise<Map<string, Member>> {
    const loaded = new Map<string, Member>();
    const options = signal ? { signal } : {};
    for await (const { members: page } of pagesOf((at) => calls.listMembers({ roomId, ...at }, options)))
      for (const member of page) loaded.set(member.userId, member);
    return loaded;
  }

  return {
    get all() {
      return shown;
    },
    get isLoaded() {
      return members !== undefined;
    },
    async load(signal) {
      for (;;) {
        const events: TimelineEvent[] = [];
        underWay.add(events);
        try {
          const loaded = await loadAll(signal);
          if (!underWay.has(events)) continue;
          for (const event of events) apply(loaded, event);
          members = loaded;
          return show();
        } finally {
          underWay.delete(events);
        }
      }
    },
    event(event) {
      for (const events of underWay) events.push(event);
      if (members && apply(members, event)) show();
    },
    clear() {
      underWay.clear();
      members = undefined;
      shown = [];
    },
  };
}
