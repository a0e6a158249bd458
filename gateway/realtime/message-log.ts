import type { Client } from "@connectrpc/connect";
import type { MessageInternalService } from "#gen/parley/internal/v1/message_internal_service_pb.js";
import type { FeedEntry } from "#gen/parley/message/v1/feed_pb.js";
import type { TimelineEvent } from "#gen/parley/message/v1/timeline_pb.js";
import type { LogPage } from "./live-log.ts";
import { createLogPages } from "./log-pages.ts";
import { createEventFrame, createFeedFrame } from "./server-frame.ts";

/** How the gateway reads the Message service's logs. Every call has a deadline; those who call retry. */
export interface MessageLog {
  timeline(roomId: string, after: number): Promise<readonly TimelineEvent[]>;
  timelinePage(roomId: string, after: number): Promise<LogPage>;
  feed(userId: string, after: number): Promise<readonly FeedEntry[]>;
  feedPage(userId: string, after: number): Promise<LogPage>;
  /** The heads that are above what is known. */
  heads(rooms: readonly KnownHead[], users: readonly KnownHead[]): Promise<Heads>;
  userState(userId: string): Promise<UserState>;
  /** Forgets the pages read of a room. */
  forget(roomId: string): void;
}

/** A room's or a person's id and the last seq that is known of it. */
export interface KnownHead {
  readonly id: string;
  readonly seq: number;
}

export interface Heads {
  readonly rooms: readonly KnownHead[];
  readonly users: readonly KnownHead[];
}

export interface UserState {
  readonly epoch: string;
  readonly feedSeq: number;
  readonly rooms: readonly KnownHead[];
}

const repairLimit = 500;
const feedLimit = 200;
const timeoutMs = 5000;
/** Bytes, about. */
const pageCacheSize = 64 * 1024 * 1024;

export function createMessageLog(messages: Client<typeof MessageInternalService>): MessageLog {
  const options = { timeoutMs };

  async function readTimeline(roomId: string, after: number, limit: number) {
    const response = await messages.readTimeline({ roomId, afterSeq: BigInt(after), limit }, options);
    return response.events;
  }

  const pages = createLogPages({
    read: async (roomId, after, limit) => (await readTimeline(roomId, after, limit)).map(createEventFrame),
    capacity: pageCacheSize,
  });

  return {
    timeline: (roomId, after) => readTimeline(roomId, after, repairLimit),
    timelinePage: async (roomId, after) => ({ frames: await pages.read(roomId, after), firstSeq: 1 }),
    async feed(userId, after) {
      const response = await messages.readFeed(
        { userId, afterSeq: BigInt(after), limit: feedLimit },
        options,
      );
      return response.entries;
    },
    async feedPage(userId, after) {
      const response = await messages.readFeed(
        { userId, afterSeq: BigInt(after), limit: feedLimit },
        options,
      );
      return { frames: response.entries.map(createFeedFrame), firstSeq: Number(response.firstSeq) };
    },
    async heads(rooms, users) {
      const response = await messages.getHeads(
        {
          rooms: rooms.map(({ id, seq }) => ({ roomId: id, seq: BigInt(seq) })),
          feeds: users.map(({ id, seq }) => ({ userId: id, seq: BigInt(seq) })),
        },
        options,
      );
      return {
        rooms: response.rooms.map(({ roomId, seq }) => ({ id: roomId, seq: Number(seq) })),
        users: response.feeds.map(({ userId, seq }) => ({ id: userId, seq: Number(seq) })),
      };
    },
    async userState(userId) {
      const state = await messages.getUserState({ userId }, options);
      return {
        epoch: state.epoch,
        feedSeq: Number(state.feedSeq),
        rooms: state.rooms.map(({ roomId, seq }) => ({ id: roomId, seq: Number(seq) })),
      };
    },
    forget: (roomId) => pages.forget(roomId),
  };
}
