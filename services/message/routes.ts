import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { MessageService } from "#gen/parley/message/v1/message_service_pb.js";
import { requireCaller, traceparentOf } from "../common/rpc/caller.ts";
import { postedMessage, toInboxItem, toMessage } from "./encoding.ts";
import { toFeedEntry, toTimelineEvent } from "./events.ts";
import { decodeInboxCursor, encodeInboxCursor } from "./inbox-cursor.ts";
import { deleteOp, editOp, markReadOp, reactOp, sendOp, unreactOp } from "./operations.ts";
import type { Reads } from "./reads.ts";
import { toSeq } from "./seqs.ts";
import type { MessageDatabase } from "./timeline-queue.ts";
import type { SeqBounds } from "./types.ts";
import type { Writes } from "./writes.ts";

export interface RoutesDeps {
  database: Pick<MessageDatabase, "read">;
  reads: Reads;
  writes: Writes;
}

const defaultPageSize = 50;

export function createRoutes({ database, reads, writes }: RoutesDeps): ServiceImpl<typeof MessageService> {
  async function readMessage(
    context: HandlerContext,
    { roomId, seq }: { roomId: string; seq: bigint | number },
  ) {
    const { userId } = requireCaller(context);
    return toMessage(roomId, await reads.message(roomId, userId, toSeq(seq)));
  }

  return {
    async sendMessage(request, context) {
      const op = sendOp(requireCaller(context).userId, request);
      const [outcome, seq, at] = await writes.write(op, traceparentOf(context));
      if (outcome === "done") return { message: postedMessage(op, seq, at), replayed: false };
      return { message: await readMessage(context, { roomId: request.roomId, seq }), replayed: true };
    },
    async getMessage(request, context) {
      return { message: await readMessage(context, request) };
    },
    async listMessages(request, context) {
      const { roomId, pageSize = defaultPageSize } = request;
      const { userId } = requireCaller(context);
      const page = await reads.messages(roomId, userId, boundsOf(request), pageSize);
      return { messages: page.rows.map((row) => toMessage(roomId, row)), hasMore: page.hasMore };
    },
    async editMessage(request, context) {
      await writes.write(editOp(requireCaller(context).userId, request), traceparentOf(context));
      return { message: await readMessage(context, request) };
    },
    async deleteMessage(request, context) {
      await writes.write(deleteOp(requireCaller(context).userId, request), traceparentOf(context));
      return {};
    },
    async addReaction(request, context) {
      await writes.write(reactOp(requireCaller(context).userId, request), traceparentOf(context));
      return { message: await readMessage(context, request) };
    },
    async removeReaction(request, context) {
      await writes.write(unreactOp(requireCaller(context).userId, request), traceparentOf(context));
      return { message: await readMessage(context, request) };
    },
    async listTimeline(request, context) {
      const { roomId, pageSize = defaultPageSize } = request;
      const { userId } = requireCaller(context);
      const page = await reads.timeline(roomId, userId, boundsOf(request), pageSize);
      return { events: page.rows.map((row) => toTimelineEvent(roomId, row)), hasMore: page.hasMore };
    },
    async markRead(request, context) {
      const [, readSeq, unreadCount] = await writes.write(
        markReadOp(requireCaller(context).userId, request),
        traceparentOf(context),
      );
      return { readSeq: BigInt(readSeq), unreadCount };
    },
    async listInbox({ pageSize = defaultPageSize, pageToken }, context) {
      const { userId } = requireCaller(context);
      const after = decodeInboxCursor(userId, pageToken);
      const { rows, hasMore } = await database.read("listInbox", userId, after, pageSize);
      const nextPageToken = hasMore ? encodeInboxCursor(userId, rows.at(-1)!) : "";
      return { items: rows.map(toInboxItem), nextPageToken };
    },
    async listFeed({ afterSeq = 0n, pageSize = defaultPageSize }, context) {
      const { userId } = requireCaller(context);
      const page = await database.read("readFeed", userId, toSeq(afterSeq), pageSize);
      const last = page.rows.at(-1)?.[0] ?? page.headSeq;
      return {
        entries: page.rows.map(toFeedEntry),
        hasMore: last < page.headSeq,
        firstSeq: BigInt(page.firstSeq),
      };
    },
  };
}

function boundsOf(request: { afterSeq?: bigint; beforeSeq?: bigint }): SeqBounds {
  const { afterSeq, beforeSeq } = request;
  return {
    after: afterSeq === undefined ? undefined : toSeq(afterSeq),
    before: beforeSeq === undefined ? undefined : toSeq(beforeSeq),
  };
}
