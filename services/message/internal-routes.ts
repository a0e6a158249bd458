import type { ServiceImpl } from "@connectrpc/connect";
import type { MessageInternalService } from "#gen/parley/internal/v1/message_internal_service_pb.js";
import { toFeedEntry, toTimelineEvent } from "./events.ts";
import type { RoomSync } from "./room-sync.ts";
import { toSeq } from "./seqs.ts";
import type { MessageDatabase } from "./timeline-queue.ts";
import { serveWrites, type WriteStreamDeps } from "./write-stream.ts";

export interface InternalRoutesDeps extends WriteStreamDeps {
  database: Pick<MessageDatabase, "read">;
  roomSync: Pick<RoomSync, "apply">;
  /** Of this database; it is restored only while nothing serves it. */
  epoch: string;
}

/** Callers are other parts of Parley: limits are theirs to keep, and are only enforced where memory is at stake. */
const maxPage = 1000;

export function createInternalRoutes(deps: InternalRoutesDeps): ServiceImpl<typeof MessageInternalService> {
  const { database, roomSync, epoch } = deps;
  return {
    async applyRoomChanges({ changes }) {
      return { appliedVersion: BigInt(await roomSync.apply(changes)) };
    },
    write: (requests, { signal }) => serveWrites(requests, signal, deps),
    async getUserState({ userId }) {
      const { feedSeq, roomIds, seqs } = await database.read("userState", userId);
      return {
        epoch,
        feedSeq: BigInt(feedSeq),
        rooms: roomIds.map((roomId, index) => ({ roomId, seq: BigInt(seqs[index]!) })),
      };
    },
    async getHeads({ rooms, feeds }) {
      const heads = await database.read(
        "heads",
        rooms.map(({ roomId }) => roomId),
        feeds.map(({ userId }) => userId),
      );
      return {
        rooms: risen(rooms, heads.rooms).map(([{ roomId }, seq]) => ({ roomId, seq })),
        feeds: risen(feeds, heads.feeds).map(([{ userId }, seq]) => ({ userId, seq })),
      };
    },
    async readTimeline({ roomId, afterSeq, limit }) {
      const page = await database.read("readTimeline", roomId, toSeq(afterSeq), Math.min(limit, maxPage));
      return {
        events: page.rows.map((row) => toTimelineEvent(roomId, row)),
        headSeq: BigInt(page.headSeq),
      };
    },
    async readFeed({ userId, afterSeq, limit }) {
      const page = await database.read("readFeed", userId, toSeq(afterSeq), Math.min(limit, maxPage));
      return {
        entries: page.rows.map(toFeedEntry),
        headSeq: BigInt(page.headSeq),
        firstSeq: BigInt(page.firstSeq),
      };
    },
  };
}

/** Those whose head is above what is known of it, and the head. */
function risen<Known extends { seq: bigint }>(known: readonly Known[], heads: readonly number[]) {
  const pairs = known.map((each, index): [Known, bigint] => [each, BigInt(heads[index]!)]);
  return pairs.filter(([{ seq }, head]) => head > seq);
}
