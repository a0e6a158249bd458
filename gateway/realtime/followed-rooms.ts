import type { DeliveryLinks } from "./delivery-links.ts";
import type { LiveLog } from "./live-log.ts";
import type { MessageLog } from "./message-log.ts";
import { createRoomChannel, type RoomChannel } from "./room-channel.ts";
import type { UserChannel } from "./user-channel.ts";

/** The rooms that this gateway follows: begun when someone here is in, given up a while after nobody is. */
export interface FollowedRooms {
  /** The room's channel, followed from `after` at the latest if it isn't open yet. */
  follow(roomId: string, after: number): RoomChannel;
  get(roomId: string): RoomChannel | undefined;
  all(): Iterable<RoomChannel>;
  /** The room lost its last person here; the time counts from when it was first seen without. */
  idled(channel: RoomChannel): void;
  /** Gives up rooms that have been without a person for `lingerMs`, except those of `lagging()`. */
  sweep(lagging: () => ReadonlySet<LiveLog>): void;
  close(): void;
}

export interface FollowedRoomsDeps {
  link: Pick<DeliveryLinks, "add" | "remove">;
  log: MessageLog;
  backoff(attempt: number): Promise<void>;
  lingerMs: number;
  now(): number;
  /** The channel of a person with connections here. */
  user(userId: string): UserChannel | undefined;
}

export function createFollowedRooms(deps: FollowedRoomsDeps): FollowedRooms {
  const { link, log, now } = deps;
  const rooms = new Map<string, RoomChannel>();
  /** Rooms without a person, and since when. */
  const idle = new Map<RoomChannel, number>();

  function idled(channel: RoomChannel): void {
    const isFollowed = rooms.get(channel.roomId) === channel;
    if (isFollowed && !idle.has(channel)) idle.set(channel, now());
  }

  async function open(channel: RoomChannel): Promise<void> {
    try {
      await link.add({ rooms: [channel.roomId] });
      channel.open();
      // What was committed between the state that named its head and the interest.
      await channel.refresh().catch(() => {});
      if (channel.members.size === 0) idled(channel);
    } catch (error) {
      rooms.delete(channel.roomId);
      channel.abandon(error);
    }
  }

  return {
    follow(roomId, after) {
      let channel = rooms.get(roomId);
      if (channel) {
        if (!channel.isOpen) channel.startNoLaterThan(after);
        return channel;
      }
      channel = createRoomChannel(roomId, {
        read: log.timeline,
        page: log.timelinePage,
        head: async (id, known) => (await log.heads([{ id, seq: known }], [])).rooms[0]?.seq ?? known,
        backoff: deps.backoff,
        user: deps.user,
        erased: log.forget,
        emptied: idled,
      });
      rooms.set(roomId, channel);
      channel.startNoLaterThan(after);
      void open(channel);
      return channel;
    },
    get: (roomId) => rooms.get(roomId),
    all: () => rooms.values(),
    idled,
    sweep(lagging) {
      const gone: string[] = [];
      let behind: ReadonlySet<LiveLog> | undefined;
      for (const [channel, since] of idle) {
        if (channel.members.size > 0) {
          idle.delete(channel);
          continue;
        }
        if (now() - since < deps.lingerMs) continue;
        behind ??= lagging();
        // What is still to come may be that someone here joined.
        if (!channel.isSettled || behind.has(channel)) continue;
        idle.delete(channel);
        rooms.delete(channel.roomId);
        channel.close();
        // Who doesn't follow a room doesn't learn what is erased in it.
        log.forget(channel.roomId);
        gone.push(channel.roomId);
      }
      if (gone.length > 0) link.remove({ rooms: gone });
    },
    close() {
      for (const channel of rooms.values()) channel.close();
    },
  };
}
