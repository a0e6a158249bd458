import type { FeedEntry } from "#gen/parley/message/v1/feed_pb.js";
import type { MessageService } from "#gen/parley/message/v1/message_service_pb.js";
import type { TimelineEvent } from "#gen/parley/message/v1/timeline_pb.js";
import type { Ready, ServerFrame, Signal } from "#gen/parley/realtime/v1/frames_pb.js";
import type { Client } from "./connect-protocol.ts";
import { type Greeting, roomsInHello } from "./frames.ts";
import { createOrderedLog, type OrderedLog } from "./ordered-log.ts";

/** Makes of the frames of one connection after the other what happened: per room in order, each event once. */
export interface LiveLogs {
  /** For the hello: where each log stopped. */
  greeting(): Greeting;
  /** The room has events up to this one. What is missing is fetched, unless nothing came of the room yet. */
  knowHead(roomId: string, seq: bigint): void;
  /** `areAllNamed`: so were all rooms of the greeting. */
  begin(ready: Ready, signal: AbortSignal, areAllNamed: boolean): void;
  take(frame: ServerFrame): void;
  /** Forgets everything: someone else is signed in. */
  clear(): void;
}

export interface LiveLogsDeps {
  readonly messages: Client<typeof MessageService>;
  readonly sink: LiveSink;
  /** Whose connection it is. */
  userId(): string | undefined;
  /** Whether what was missed is told however much it is; else a long absence is skipped, with a reset. */
  wantsAll(): boolean;
}

export interface LiveSink {
  event(event: TimelineEvent): void;
  feed(entry: FeedEntry): void;
  signal(signal: Signal): void;
  /** What is kept of the room (or of all that the feed tells) is to be fetched anew. */
  reset(roomId: string | undefined): void;
  /** One is not in the room any more. */
  gone(roomId: string): void;
}

interface RoomLog {
  readonly log: OrderedLog<TimelineEvent>;
  /** Whether one is in the room. What comes after one left is from before, but one's next joining. */
  isIn: boolean;
}

const pageSize = 200;

export function createLiveLogs(deps: LiveLogsDeps): LiveLogs {
  const { messages, sink } = deps;
  const rooms = new Map<string, RoomLog>();
  /** Of rooms that nothing came of yet. */
  const heads = new Map<string, bigint>();
  let feed = createFeedLog(undefined);
  let epoch: string | undefined;
  let signal: AbortSignal | undefined;

  function createFeedLog(cursor: bigint | undefined): OrderedLog<FeedEntry> {
    return createOrderedLog<FeedEntry>({
      cursor,
      async fetch(afterSeq, _before, during) {
        const answer = await messages.listFeed({ afterSeq, pageSize }, { signal: during });
        // The oldest are gone: nothing is handed on, and the log counts as lost.
        return answer.firstSeq > afterSeq + 1n ? [] : answer.entries;
      },
      deliver: sink.feed,
      lost: () => sink.reset(undefined),
    });
  }

  function roomLog(roomId: string, cursor?: bigint): RoomLog {
    const known = rooms.get(roomId);
    if (known) return known;
    const room: RoomLog = {
      isIn: true,
      log: createOrderedLog<TimelineEvent>({
        cursor,
        async fetch(afterSeq, beforeSeq, during) {
          const request = { roomId, afterSeq, beforeSeq, pageSize };
          return (await messages.listTimeline(request, { signal: during })).events;
        },
        deliver(event) {
          if (!room.isIn && !isOwnJoin(event, deps.userId())) return;
          room.isIn = true;
          if (endsMembership(event, deps.userId())) room.isIn = false;
          sink.event(event);
          if (!room.isIn) sink.gone(roomId);
        },
        lost(error) {
          if (error === undefined) sink.reset(roomId);
          else leave(roomId);
        },
      }),
    };
    if (signal) room.log.begin(signal);
    rooms.set(roomId, room);
    return room;
  }

  function leave(roomId: string): void {
    const room = rooms.get(roomId);
    if (room && !room.isIn) return;
    if (room) room.isIn = false;
    sink.gone(roomId);
  }

  function takeEvent(event: TimelineEvent): void {
    const room = roomLog(event.roomId);
    const cursor = room.log.cursor ?? 0n;
    if (!room.isIn) {
      if (event.seq <= cursor || !isOwnJoin(event, deps.userId())) return;
      room.log.skipTo(event.seq - 1n);
    }
    room.log.take(event);
  }

  function skip(roomId: string, nextSeq: bigint, isReset: boolean): void {
    const { log } = roomLog(roomId);
    const last = nextSeq - 1n;
    if (!isReset && log.cursor !== undefined && log.cursor >= last) return;
    if (!isReset && deps.wantsAll()) {
      log.expect(last);
      return;
    }
    log.skipTo(last);
    sink.reset(roomId);
  }

  function skipFeed(nextSeq: bigint, isReset: boolean): void {
    const last = nextSeq - 1n;
    if (!isReset) {
      feed.expect(last);
      return;
    }
    feed.skipTo(last);
    sink.reset(undefined);
  }

  /** In another life of the data, cursors hold for what the server was asked about only. */
  function forgetUnnamed(areAllNamed: boolean): void {
    let named = 0;
    for (const [roomId, { isIn }] of rooms) {
      if (isIn) named += 1;
      if (!isIn || (!areAllNamed && named > roomsInHello)) rooms.delete(roomId);
    }
  }

  return {
    greeting() {
      for (const [roomId, seq] of heads) {
        const room = roomLog(roomId, seq);
        if (!room.isIn) room.log.skipTo(seq);
        room.isIn = true;
      }
      heads.clear();
      const cursors = [...rooms].filter(([, { isIn, log }]) => isIn && log.cursor !== undefined);
      const named = cursors.map(([roomId, { log }]) => ({ roomId, afterSeq: log.cursor! }));
      return {
        rooms: named,
        ...(feed.cursor !== undefined && { feedAfterSeq: feed.cursor }),
        ...(epoch !== undefined && { epoch }),
      };
    },
    knowHead(roomId, seq) {
      const known = rooms.get(roomId);
      if (known?.isIn) known.log.expect(seq);
      // Now its events come by themselves, from the first; only the next connection has to be told where to begin.
      else if (seq > (known?.log.cursor ?? -1n)) heads.set(roomId, seq);
    },
    begin(ready, during, areAllNamed) {
      signal = during;
      for (const { log } of rooms.values()) log.begin(during);
      feed.begin(during);
      if (feed.cursor === undefined) feed.skipTo(ready.feedSeq);
      if (epoch !== undefined && epoch !== ready.epoch) {
        forgetUnnamed(areAllNamed);
        sink.reset(undefined);
      }
      epoch = ready.epoch;
    },
    take({ kind }) {
      if (kind.case === "event") takeEvent(kind.value);
      else if (kind.case === "feed") feed.take(kind.value);
      else if (kind.case === "signal") sink.signal(kind.value);
      else if (kind.case === "roomGone") leave(kind.value.roomId);
      else if (kind.case === "gap") {
        const { log, nextSeq, reset } = kind.value;
        if (log.case === "roomId") skip(log.value, nextSeq, reset);
        else skipFeed(nextSeq, reset);
      } else if (kind.case === "caughtUp") {
        const { log, seq } = kind.value;
        if (log.case === "roomId") roomLog(log.value).log.expect(seq);
        else feed.expect(seq);
      }
    },
    clear() {
      rooms.clear();
      heads.clear();
      feed = createFeedLog(undefined);
      epoch = undefined;
    },
  };
}

function isOwnJoin({ body }: TimelineEvent, userId: string | undefined): boolean {
  return body.case === "memberJoined" && body.value.userId === userId;
}

function endsMembership({ body }: TimelineEvent, userId: string | undefined): boolean {
  if (body.case === "roomDeleted") return true;
  return (body.case === "memberLeft" || body.case === "memberRemoved") && body.value.userId === userId;
}
