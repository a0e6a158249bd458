import type { WatchResponse } from "#gen/parley/internal/v1/delivery_service_pb.js";
import type { TimelineEvent } from "#gen/parley/message/v1/timeline_pb.js";
import type { Connection } from "./connection.ts";
import type { DeliveryLinks } from "./delivery-links.ts";
import { createFollowedRooms } from "./followed-rooms.ts";
import type { LiveLog } from "./live-log.ts";
import type { MessageLog } from "./message-log.ts";
import type { RoomChannel } from "./room-channel.ts";
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
  link: Pick<DeliveryLinks, "add" | "remove">;
  log: MessageLog;
  backoff(attempt: number): Promise<void>;
  lingerMs: number;
  now?: () => number;
}

export function createHub(deps: HubDeps): Hub {
  const { link, log, backoff, lingerMs, now = Date.now } = deps;
  const users = new Map<string, UserChannel>();
  const opening = new Map<UserChannel, Promise<void>>();
  const rooms = createFollowedRooms({
    link,
    log,
    backoff,
    lingerMs,
    now,
    user: (userId) => users.get(userId),
  });
  let epoch = "";

  /** The person was in the room at `seq`, says Message; what the channel has seen after that counts more. */
  function admit(user: UserChannel, channel: RoomChannel, seq: number): boolean {
    if (channel.hasEnded || (user.departures.get(channel.roomId) ?? 0) > seq) return false;
    channel.members.set(user.userId, user);
    user.rooms.set(channel.roomId, channel);
    return true;
  }

  /** The feed says that the person is in a room since `seq`. */
  function joined(user: UserChannel, roomId: string, seq: number): void {
    user.joins.set(roomId, seq);
    const channel = rooms.follow(roomId, seq - 1);
    if (!channel.isOpen) return;
    if (channel.seq < seq) void channel.reach(seq);
    // It began after the join, for someone else.
    else if (seq <= channel.start && !user.rooms.has(roomId)) admitLate(user, roomId, seq).catch(() => {});
  }

  /** Only Message knows whether the person is still in. Rejects when the gateway stops. */
  async function admitLate(user: UserChannel, roomId: string, joinedAt: number): Promise<void> {
    const isPending = () => users.get(user.userId) === user && !user.rooms.has(roomId);
    for (let attempt = 0; isPending(); attempt++) {
      try {
        const state = await log.userState(user.userId);
        const found = state.rooms.find(({ id }) => id === roomId);
        await user.reach(state.feedSeq);
        // Who left and joined again is admitted by that join.
        if (!found || !isPending() || user.joins.get(roomId) !== joinedAt) return;
        const channel = rooms.follow(roomId, found.seq);
        if (!channel.isOpen) await channel.opened;
        if (!isPending() || !admit(user, channel, found.seq)) return;
        for (const connection of user.connections) {
          if (connection.ready) connection.beginBehind(channel, joinedAt - 1);
        }
      } catch {
        await backoff(attempt);
      }
    }
  }

  async function openUser(user: UserChannel): Promise<void> {
    await link.add({ users: [user.userId] });
    const state = await log.userState(user.userId);
    assertWanted(user);
    epoch = state.epoch;
    const followed = state.rooms.map(({ id, seq }) => ({ channel: rooms.follow(id, seq), seq }));
    for (const { channel, seq } of followed) admit(user, channel, seq);
    await Promise.all(followed.map(({ channel, seq }) => upTo(channel, seq)));
    assertWanted(user);
    user.open(state.feedSeq);
  }

  /** Of a room that was followed for others before, what is older than this moment has to be here: one begins at its head. */
  async function upTo(channel: RoomChannel, seq: number): Promise<void> {
    if (!channel.isOpen) await channel.opened;
    if (channel.seq < seq) await channel.reach(seq);
  }

  /**
   * The person was here before: what was committed until this moment may not have come by Delivery yet, and who enters
   * is to find it, such as a room that was made just before. Without Message, what is known here has to do.
   */
  async function catchUp(user: UserChannel): Promise<void> {
    const state = await log.userState(user.userId);
    // By the joins that it tells of, the rooms are followed from where the person came in.
    await user.reach(state.feedSeq);
    await Promise.all(
      state.rooms.map(async ({ id, seq }) => {
        const channel = rooms.get(id);
        if (channel) await upTo(channel, seq);
      }),
    );
  }

  function assertWanted(user: UserChannel): void {
    if (users.get(user.userId) !== user)
      throw new Error("everybody left while the person's rooms were asked for");
  }

  function channelOf(userId: string): UserChannel {
    const known = users.get(userId);
    if (known) return known;
    const user: UserChannel = createUserChannel(userId, {
      readFeed: log.feed,
      page: log.feedPage,
      head: async (id, known) => (await log.heads([], [{ id, seq: known }])).users[0]?.seq ?? known,
      backoff,
      joined: (roomId, seq) => joined(user, roomId, seq),
    });
    users.set(userId, user);
    // Dropped before it is no longer opening: who enters in between must not take it for an open one.
    const opened = openUser(user)
      .catch((error: unknown) => {
        drop(user);
        throw error;
      })
      .finally(() => opening.delete(user));
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
      if (channel.members.size === 0) rooms.idled(channel);
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

  /** Of someone here, and not one that came again after its end was seen. */
  function isNewJoin({ roomId, seq, body }: TimelineEvent): boolean {
    const user = body.case === "memberJoined" ? users.get(body.value.userId) : undefined;
    return user !== undefined && (user.departures.get(roomId) ?? 0) < Number(seq);
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
        const join = ofRoom.find(isNewJoin);
        if (join) channel = rooms.follow(roomId, Number(join.seq) - 1);
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
      await (opening.get(user) ?? catchUp(user).catch(() => {}));
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
      if (response.signals.length > 0) showSignals(response.signals, rooms.get);
    },
    rooms: rooms.all,
    room: rooms.get,
    user: (userId) => users.get(userId),
    users: () => users.values(),
    sweep: () => rooms.sweep(lagging),
    close() {
      rooms.close();
      for (const user of users.values()) user.close();
    },
  };
}
