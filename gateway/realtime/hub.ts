import type { WatchResponse } from "#gen/parley/internal/v1/delivery_service_pb.js";
import type { TimelineEvent } from "#gen/parley/message/v1/timeline_pb.js";
import type { Connection } from "./connection.ts";
import type { DeliveryLink } from "./delivery-link.ts";
import type { LiveLog } from "./live-log.ts";
import type { MessageLog } from "./message-log.ts";
import { createRoomChannel, type RoomChannel } from "./room-channel.ts";
import { showSignals } from "./signals.ts";
import { createUserChannel, type UserChannel } from "./user-channel.ts";

/**
 * All that this gateway follows: the people connected to it, their feeds, and the rooms they are in.
 *
 * A person's state is read only after Delivery has acknowledged the interest in them, and a room is followed from the
 * head that this state names, so that whatever is committed after it either arrives or shows as a hole. Rooms are kept
 * for a while after the last person here has gone, since people come back.
 */
export interface Hub {
  /** Names this life of the data; known once someone has entered. */
  readonly epoch: string;
  /** The person's channel, with every room and the feed followed. The connection counts as theirs until `leave`. */
  enter(userId: string, connection: Connection): Promise<UserChannel>;
  leave(connection: Connection): void;
  /** What Delivery handed over. */
  receive(response: WatchResponse): void;
  rooms(): Iterable<RoomChannel>;
  room(roomId: string): RoomChannel | undefined;
  user(userId: string): UserChannel | undefined;
  users(): Iterable<UserChannel>;
  /** Stops following rooms that have been without a person for `lingerMs`. */
  sweep(): void;
  close(): void;
}

export interface HubDeps {
  link: DeliveryLink;
  log: MessageLog;
  backoff(attempt: number): Promise<void>;
  lingerMs: number;
  now?: () => number;
}

export function createHub(deps: HubDeps): Hub {
  const now = deps.now ?? Date.now;
  const { link, log } = deps;
  const rooms = new Map<string, RoomChannel>();
  const users = new Map<string, UserChannel>();
  const opening = new Map<UserChannel, Promise<void>>();
  /** Rooms without a person, and since when. */
  const idle = new Map<RoomChannel, number>();
  let epoch = "";

  /** The room lost its last person here; counted from the first time that it is seen without. */
  function idled(channel: RoomChannel): void {
    if (!idle.has(channel)) idle.set(channel, now());
  }

  /** The room's channel, followed from `after` at the latest. */
  function follow(roomId: string, after: number): RoomChannel {
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
      user: (userId) => users.get(userId),
      openingUsers: () => opening.keys(),
      erased: log.forget,
      emptied: idled,
    });
    rooms.set(roomId, channel);
    channel.startNoLaterThan(after);
    void openRoom(channel);
    return channel;
  }

  async function openRoom(channel: RoomChannel): Promise<void> {
    try {
      await link.add({ rooms: [channel.roomId] });
      if (rooms.get(channel.roomId) !== channel) throw new Error("the room was given up meanwhile");
      channel.open();
      // What was committed between the state that named its head and the interest.
      await channel.refresh().catch(() => {});
      if (channel.members.size === 0) idled(channel);
    } catch (error) {
      if (rooms.get(channel.roomId) === channel) rooms.delete(channel.roomId);
      channel.abandon(error);
    }
  }

  async function openUser(user: UserChannel): Promise<void> {
    await link.add({ users: [user.userId] });
    const state = await log.userState(user.userId);
    assertWanted(user);
    epoch = state.epoch;
    for (const { id, seq } of state.rooms) {
      if ((user.departures?.get(id) ?? 0) > seq) continue;
      const channel = follow(id, seq);
      channel.members.set(user.userId, user);
      user.rooms.set(id, channel);
      idle.delete(channel);
    }
    user.departures = undefined;
    await Promise.all([...user.rooms.values()].map((channel) => channel.isOpen || channel.opened));
    assertWanted(user);
    user.open(state.feedSeq);
  }

  function assertWanted(user: UserChannel): void {
    if (users.get(user.userId) !== user)
      throw new Error("everybody left while the person's rooms were asked for");
  }

  function channelOf(userId: string): UserChannel {
    let user = users.get(userId);
    if (user) return user;
    user = createUserChannel(userId, {
      readFeed: log.feed,
      page: log.feedPage,
      head: async (id, known) => (await log.heads([], [{ id, seq: known }])).users[0]?.seq ?? known,
      backoff: deps.backoff,
      joined(roomId, seq) {
        const channel = follow(roomId, seq - 1);
        if (channel.isOpen && channel.seq < seq) void channel.reach(seq);
      },
    });
    users.set(userId, user);
    const created = user;
    // Dropped before it is no longer opening: who enters in between must not take it for an open one.
    const opened = openUser(user)
      .catch((error: unknown) => {
        drop(created);
        throw error;
      })
      .finally(() => opening.delete(created));
    // Those who enter learn of it; that nobody is left is no error.
    opened.catch(() => {});
    opening.set(user, opened);
    return user;
  }

  /** Nobody is connected as this person any more. */
  function drop(user: UserChannel): void {
    if (users.get(user.userId) !== user) return;
    users.delete(user.userId);
    user.close();
    link.remove({ users: [user.userId] });
    for (const channel of user.rooms.values()) {
      channel.members.delete(user.userId);
      if (channel.members.size === 0) idled(channel);
    }
  }

  /** Logs of which some connection still has to be brought the rest: a rejoin has to queue behind it. */
  function lagging(): Set<LiveLog> {
    const logs = new Set<LiveLog>();
    for (const user of users.values()) {
      for (const { lags } of user.connections) for (const each of lags?.keys() ?? []) logs.add(each);
    }
    return logs;
  }

  function receiveEvents(events: readonly TimelineEvent[]): void {
    const byRoom = new Map<string, TimelineEvent[]>();
    for (const event of events) {
      const ofRoom = byRoom.get(event.roomId);
      if (ofRoom) ofRoom.push(event);
      else byRoom.set(event.roomId, [event]);
    }
    for (const [roomId, ofRoom] of byRoom) {
      let channel = rooms.get(roomId);
      if (!channel) {
        // A person here joined a room that nobody here was in.
        const join = ofRoom.find(
          (event) => event.body.case === "memberJoined" && users.has(event.body.value.userId),
        );
        if (join) channel = follow(roomId, Number(join.seq) - 1);
      }
      channel?.receive(ofRoom);
    }
  }

  return {
    get epoch() {
      return epoch;
    },
    async enter(userId, connection) {
      const user = channelOf(userId);
      user.connections.add(connection);
      connection.user = user;
      await opening.get(user);
      return user;
    },
    leave(connection) {
      const { user } = connection;
      if (!user) return;
      for (const channel of user.rooms.values()) channel.live.delete(connection);
      user.feed.live.delete(connection);
      connection.lags = undefined;
      user.connections.delete(connection);
      if (user.connections.size === 0) drop(user);
    },
    receive(response) {
      if (response.events.length > 0) receiveEvents(response.events);
      for (const { userId, entry } of response.feedEntries) if (entry) users.get(userId)?.receive([entry]);
      if (response.signals.length > 0) showSignals(response.signals, (roomId) => rooms.get(roomId));
    },
    rooms: () => rooms.values(),
    room: (roomId) => rooms.get(roomId),
    user: (userId) => users.get(userId),
    users: () => users.values(),
    sweep() {
      const gone: string[] = [];
      let behind: Set<LiveLog> | undefined;
      for (const [channel, since] of idle) {
        if (channel.members.size > 0) {
          idle.delete(channel);
          continue;
        }
        if (now() - since < deps.lingerMs) continue;
        behind ??= lagging();
        if (behind.has(channel)) continue;
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
      for (const user of users.values()) user.close();
    },
  };
}
