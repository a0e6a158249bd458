import type { TimelineEvent } from "#gen/parley/message/v1/timeline_pb.js";
import type { Connection } from "./connection.ts";
import type { LiveLog, LogPage } from "./live-log.ts";
import { createEventFrame, joinFrames } from "./server-frame.ts";
import { createTail, type Tail } from "./tail.ts";
import type { UserChannel } from "./user-channel.ts";

/**
 * One room as this gateway follows it: its events in order, and the connections they are written to.
 *
 * A connection is either live here (it has everything up to `seq` and gets what follows in the same tick) or it lags and
 * is brought up by its catch-up. Who belongs to the room changes at the seq of the membership event itself: a person's
 * connections become live right before their `memberJoined`, and the last they get is the event that ended it.
 */
export interface RoomChannel extends LiveLog {
  readonly roomId: string;
  /** Resolves once the channel follows the room; rejects if it was given up before. Until then `seq` is -1. */
  readonly opened: Promise<void>;
  /** Whether `open` was called. */
  readonly isOpen: boolean;
  /** Whether all that is known to exist was delivered; false while it is being opened. */
  readonly isSettled: boolean;
  /** The room was deleted, as far as the channel has come. */
  readonly hasEnded: boolean;
  /** Where it began: joins up to this seq it has not seen. */
  readonly start: number;
  /** People connected here who are in the room. */
  readonly members: Map<string, UserChannel>;
  /** Before it is opened: it has to begin no later than after `seq`. */
  startNoLaterThan(seq: number): void;
  /** Begins to follow from the start asked for: first what arrived early, then what is missing. */
  open(): void;
  /** Gives up before it was opened. */
  abandon(error: unknown): void;
  receive(events: readonly TimelineEvent[]): void;
  /** Makes sure that everything up to `head` was delivered. */
  reach(head: number): Promise<void>;
  close(): void;
}

export interface RoomChannelDeps {
  read(roomId: string, after: number): Promise<readonly TimelineEvent[]>;
  backoff(attempt: number): Promise<void>;
  page(roomId: string, after: number): Promise<LogPage>;
  /** The room's last seq, as Message has it now. */
  head(roomId: string, known: number): Promise<number>;
  /** The channel of a person with connections here. */
  user(userId: string): UserChannel | undefined;
  /** A post was erased: nothing read before may be shown any more. */
  erased(roomId: string): void;
  /** Nobody here is in the room any more. */
  emptied(channel: RoomChannel): void;
}

const maxEarly = 1000;

export function createRoomChannel(roomId: string, deps: RoomChannelDeps): RoomChannel {
  const opened = Promise.withResolvers<void>();
  // Whoever waits learns of it; that nobody waits is no error.
  opened.promise.catch(() => {});
  const members = new Map<string, UserChannel>();
  const live = new Set<Connection>();
  let early: TimelineEvent[] = [];
  let start = Number.POSITIVE_INFINITY;
  let tail: Tail<TimelineEvent> | undefined;
  let hasEnded = false;

  function write(run: TimelineEvent[]): void {
    if (run.length === 0 || live.size === 0) return;
    const frames = joinFrames(run.map(createEventFrame));
    const before = Number((run[0] as TimelineEvent).seq) - 1;
    for (const connection of live) {
      if (connection.slow) {
        live.delete(connection);
        connection.lag(channel, before);
      } else {
        connection.push(frames);
      }
    }
  }

  function join(user: UserChannel, before: number): void {
    if (members.has(user.userId)) return;
    members.set(user.userId, user);
    user.rooms.set(roomId, channel);
    user.departures.delete(roomId);
    for (const connection of user.connections) {
      if (connection.ready) connection.begin(channel, before);
    }
  }

  function leave(user: UserChannel, last: number): void {
    members.delete(user.userId);
    user.rooms.delete(roomId);
    for (const connection of user.connections) connection.finish(channel, last);
  }

  function depart(user: UserChannel, seq: number): void {
    if (members.has(user.userId)) leave(user, seq);
    user.departures.set(roomId, seq);
  }

  /** Writes events in runs that no change of the audience interrupts. */
  function deliver(events: readonly TimelineEvent[]): void {
    let run: TimelineEvent[] = [];
    const flush = () => {
      write(run);
      run = [];
    };
    for (const event of events) {
      const { body } = event;
      const seq = Number(event.seq);
      if (body.case === "memberJoined") {
        const user = deps.user(body.value.userId);
        if (user) {
          flush();
          join(user, seq - 1);
        }
      }
      if (body.case === "messageDeleted") deps.erased(roomId);
      run.push(event);
      if (body.case === "memberLeft" || body.case === "memberRemoved") {
        const user = deps.user(body.value.userId);
        if (user) {
          flush();
          depart(user, seq);
        }
      } else if (body.case === "roomDeleted") {
        flush();
        hasEnded = true;
        for (const user of [...members.values()]) depart(user, seq);
      }
    }
    flush();
    if (members.size === 0) deps.emptied(channel);
  }

  const channel: RoomChannel = {
    roomId,
    where: { case: "roomId", value: roomId },
    get seq() {
      return tail?.seq ?? -1;
    },
    get hasEnded() {
      return hasEnded;
    },
    get start() {
      return start;
    },
    opened: opened.promise,
    get isOpen() {
      return tail !== undefined;
    },
    get isSettled() {
      return tail !== undefined && tail.seq >= tail.target;
    },
    members,
    live,
    startNoLaterThan(seq) {
      start = Math.min(start, seq);
    },
    open() {
      tail = createTail<TimelineEvent>({
        after: start,
        seqOf: (event) => Number(event.seq),
        deliver,
        read: (after) => deps.read(roomId, after),
        backoff: deps.backoff,
      });
      opened.resolve();
      const waiting = early;
      early = [];
      tail.receive(waiting);
    },
    abandon: (error) => opened.reject(error),
    receive(events) {
      if (tail) tail.receive(events);
      else if (early.length < maxEarly) early.push(...events);
    },
    reach: async (head) => tail?.reach(head),
    page: (after) => deps.page(roomId, after),
    async refresh() {
      if (tail) await tail.reach(await deps.head(roomId, tail.seq));
    },
    close: () => tail?.close(),
  };
  return channel;
}
