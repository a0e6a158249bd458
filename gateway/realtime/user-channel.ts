import type { FeedEntry } from "#gen/parley/message/v1/feed_pb.js";
import type { Connection } from "./connection.ts";
import type { LiveLog, LogPage } from "./live-log.ts";
import type { RoomChannel } from "./room-channel.ts";
import { createFeedFrame, joinFrames } from "./server-frame.ts";
import { createTail, type Tail } from "./tail.ts";

/** One person with connections here: their rooms, and their feed in order. */
export interface UserChannel {
  readonly userId: string;
  readonly connections: Set<Connection>;
  /** The rooms that this person is in, as far as their channels have come. Changed by the room channels and at opening. */
  readonly rooms: Map<string, RoomChannel>;
  /** Where this person was seen to leave rooms: an answer about their rooms that is older says nothing of these. */
  readonly departures: Map<string, number>;
  /** The last join of each room that the feed told of since it was opened. */
  readonly joins: Map<string, number>;
  readonly feed: LiveLog;
  /** Begins to follow the feed after `seq`. */
  open(seq: number): void;
  receive(entries: readonly FeedEntry[]): void;
  /** Makes sure that the feed up to `head` was delivered. */
  reach(head: number): Promise<void>;
  close(): void;
}

export interface UserChannelDeps {
  readFeed(userId: string, after: number): Promise<readonly FeedEntry[]>;
  page(userId: string, after: number): Promise<LogPage>;
  /** The feed's last seq, as Message has it now. */
  head(userId: string, known: number): Promise<number>;
  backoff(attempt: number): Promise<void>;
  /** The feed says that this person is in a room since `seq`: it is to be followed from there if it isn't yet. */
  joined(roomId: string, seq: number): void;
}

const maxEarly = 1000;

export function createUserChannel(userId: string, deps: UserChannelDeps): UserChannel {
  const live = new Set<Connection>();
  let early: FeedEntry[] = [];
  let tail: Tail<FeedEntry> | undefined;

  function deliver(entries: readonly FeedEntry[]): void {
    const before = Number((entries[0] as FeedEntry).seq) - 1;
    const frames = joinFrames(entries.map(createFeedFrame));
    for (const connection of live) {
      if (connection.slow) {
        live.delete(connection);
        connection.lag(feed, before);
      } else {
        connection.push(frames);
      }
    }
    for (const { body } of entries) {
      if (body.case === "roomJoined") deps.joined(body.value.roomId, Number(body.value.seq));
    }
  }

  const feed: LiveLog = {
    where: { case: "feed", value: true },
    live,
    get seq() {
      return tail?.seq ?? -1;
    },
    page: (after) => deps.page(userId, after),
    async refresh() {
      if (tail) await tail.reach(await deps.head(userId, tail.seq));
    },
  };

  return {
    userId,
    connections: new Set(),
    rooms: new Map(),
    departures: new Map(),
    joins: new Map(),
    feed,
    open(seq) {
      tail = createTail<FeedEntry>({
        after: seq,
        seqOf: (entry) => Number(entry.seq),
        deliver,
        read: (after) => deps.readFeed(userId, after),
        backoff: deps.backoff,
      });
      const waiting = early;
      early = [];
      tail.receive(waiting);
    },
    receive(entries) {
      if (tail) tail.receive(entries);
      else if (early.length < maxEarly) early.push(...entries);
    },
    reach: async (head) => tail?.reach(head),
    close: () => tail?.close(),
  };
}
