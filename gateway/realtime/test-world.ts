import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type WatchResponse, WatchResponseSchema } from "#gen/parley/internal/v1/delivery_service_pb.js";
import { type FeedEntry, FeedEntrySchema } from "#gen/parley/message/v1/feed_pb.js";
import { type TimelineEvent, TimelineEventSchema } from "#gen/parley/message/v1/timeline_pb.js";
import type { DeliveryLinks } from "./delivery-links.ts";
import { createLogPages } from "./log-pages.ts";
import type { MessageLog } from "./message-log.ts";
import { createEventFrame, createFeedFrame } from "./server-frame.ts";
import { turns } from "./test-connection.ts";

type Body = NonNullable<MessageInitShape<typeof TimelineEventSchema>["body"]>;

/** Numbers from 0 to 1 that a seed decides. */
export function createRandom(seed: number): () => number {
  let state = seed * 2654435761 + 1;
  return () => {
    state = (state * 48271 + 11) % 2147483647;
    return state / 2147483647;
  };
}

/**
 * Message's logs and a Delivery in memory, as unreliable as allowed: what is committed arrives late, out of order, twice
 * or never; reads and acknowledgements take their time, and reads fail now and then.
 */
export function createWorld(random: () => number) {
  const timelines = new Map<string, TimelineEvent[]>();
  const members = new Map<string, Set<string>>();
  const feeds = new Map<string, FeedEntry[]>();
  const interest = { rooms: new Set<string>(), users: new Set<string>() };
  let stated = Promise.resolve();
  let underWay: WatchResponse[] = [];

  const timeline = (roomId: string) => timelines.get(roomId) ?? [];
  const feedOf = (userId: string) => feeds.get(userId) ?? [];
  const dawdle = () => turns(Math.floor(random() * 4));
  const pick = <T>(all: Iterable<T>): T | undefined => {
    const list = [...all];
    return list[Math.floor(random() * list.length)];
  };

  function send(response: MessageInitShape<typeof WatchResponseSchema>): void {
    const copies = random() < 0.15 ? 0 : random() < 0.15 ? 2 : 1;
    for (let i = 0; i < copies; i++) underWay.push(create(WatchResponseSchema, response));
  }

  function append(roomId: string, body: Body): number {
    const events = timeline(roomId);
    const event = create(TimelineEventSchema, { roomId, seq: BigInt(events.length + 1), body });
    timelines.set(roomId, [...events, event]);
    send({ events: [event] });
    return events.length + 1;
  }

  function note(userId: string, body: NonNullable<MessageInitShape<typeof FeedEntrySchema>["body"]>): void {
    const entries = feedOf(userId);
    const entry = create(FeedEntrySchema, { seq: BigInt(entries.length + 1), body });
    feeds.set(userId, [...entries, entry]);
    send({ feedEntries: [{ userId, entry }] });
  }

  async function read<T>(answer: () => T): Promise<T> {
    await dawdle();
    if (random() < 0.05) throw new Error("unavailable");
    const answered = answer();
    await dawdle();
    return answered;
  }

  const readTimeline = (roomId: string, after: number, limit: number) =>
    read(() => timeline(roomId).slice(after, after + limit));
  const readFeed = (userId: string, after: number) => read(() => feedOf(userId).slice(after, after + 7));
  const pages = createLogPages({
    read: async (roomId, after, limit) => (await readTimeline(roomId, after, limit)).map(createEventFrame),
    capacity: 3,
  });

  const log: MessageLog = {
    timeline: (roomId, after) => readTimeline(roomId, after, 7),
    timelinePage: async (roomId, after) => ({ frames: await pages.read(roomId, after), firstSeq: 1 }),
    feed: readFeed,
    feedPage: async (userId, after) => ({
      frames: (await readFeed(userId, after)).map(createFeedFrame),
      firstSeq: 1,
    }),
    heads: (rooms, users) =>
      read(() => ({
        rooms: rooms.map(({ id }) => ({ id, seq: timeline(id).length })),
        users: users.map(({ id }) => ({ id, seq: feedOf(id).length })),
      })),
    userState: (userId) =>
      read(() => ({
        epoch: "one",
        feedSeq: feedOf(userId).length,
        rooms: [...members].flatMap(([id, people]) =>
          people.has(userId) ? [{ id, seq: timeline(id).length }] : [],
        ),
      })),
    forget: pages.forget,
  };

  const link: Pick<DeliveryLinks, "add" | "remove"> = {
    add({ rooms = [], users = [] }) {
      stated = stated.then(dawdle).then(() => {
        for (const room of rooms) interest.rooms.add(room);
        for (const user of users) interest.users.add(user);
      });
      return stated;
    },
    remove({ rooms = [], users = [] }) {
      stated = stated.then(() => {
        for (const room of rooms) interest.rooms.delete(room);
        for (const user of users) interest.users.delete(user);
      });
    },
  };

  /** Whether Delivery forwards it, as of now. */
  function concerns({ events, feedEntries }: WatchResponse): boolean {
    return (
      feedEntries.some(({ userId }) => interest.users.has(userId)) ||
      events.some(
        ({ roomId, body }) =>
          interest.rooms.has(roomId) ||
          (body.case === "memberJoined" && interest.users.has(body.value.userId)),
      )
    );
  }

  return {
    log,
    link,
    timeline,
    feedOf,
    dawdle,
    pick,
    interest,
    isMember: (roomId: string, userId: string) => members.get(roomId)?.has(userId) ?? false,
    post: (roomId: string, text = "hi") => append(roomId, { case: "messagePosted", value: { text } }),
    join(roomId: string, userId: string) {
      const people = members.get(roomId) ?? new Set();
      members.set(roomId, people.add(userId));
      const seq = append(roomId, { case: "memberJoined", value: { userId } });
      note(userId, { case: "roomJoined", value: { roomId, seq: BigInt(seq) } });
    },
    leave(roomId: string, userId: string) {
      members.get(roomId)?.delete(userId);
      append(roomId, { case: random() < 0.5 ? "memberLeft" : "memberRemoved", value: { userId } });
      note(userId, { case: "roomLeft", value: { roomId } });
    },
    remove(roomId: string) {
      members.set(roomId, new Set());
      append(roomId, { case: "roomDeleted", value: {} });
    },
    /** Some of what is under way, in any order. */
    arriving(share: number): WatchResponse[] {
      const [now, later] = [[] as WatchResponse[], [] as WatchResponse[]];
      for (const each of underWay) (random() < share ? now : later).push(each);
      underWay = later;
      return now.filter(concerns).sort(() => random() - 0.5);
    },
  };
}

export type World = ReturnType<typeof createWorld>;
