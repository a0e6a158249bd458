import type { MssqlCalls } from "../../../common/database/mssql-procedures.ts";
import { bytesToId, idToBytes, isId } from "../../../common/ids.ts";
import type { InboxRow } from "../../types.ts";
import { toFeedRow } from "./batch-answer.ts";
import { toMessages } from "./messages.ts";
import type { MssqlReads } from "./procedures.ts";

type PersonReads = Pick<MssqlReads, "listInbox" | "readFeed">;

export function createPersonReads(calls: MssqlCalls): PersonReads {
  return {
    async listInbox(userId, after, limit) {
      if (!isId(userId)) return { rows: [], hasMore: false };
      const [rooms = [], posts = [], reactions = []] = await calls.read("message.list_inbox", {
        user_id: idToBytes(userId),
        // Above everything unless a page came before.
        after_at: after?.lastAt ?? Number.MAX_SAFE_INTEGER,
        after_room_id: after ? idToBytes(after.roomId) : null,
        limit,
      });
      const messages = new Map(toMessages(posts, reactions).map(({ roomNo, message }) => [roomNo, message]));
      const rows = rooms.slice(0, limit).map(
        (row): InboxRow => ({
          roomId: bytesToId(row.room_id as Uint8Array),
          lastSeq: row.head_seq as number,
          lastAt: row.head_at as number,
          readSeq: row.read_seq as number,
          unreadCount: row.unread_count as number,
          lastMessage: messages.get(row.room_no as number),
        }),
      );
      return { rows, hasMore: rooms.length > limit };
    },
    async readFeed(userId, after, limit) {
      if (!isId(userId)) return { rows: [], headSeq: 0, firstSeq: 1 };
      const parameters = { user_id: idToBytes(userId), after, limit };
      const [[person] = [], entries = []] = await calls.read("message.read_feed", parameters);
      return {
        rows: entries.map(toFeedRow),
        headSeq: (person?.feed_seq as number | undefined) ?? 0,
        firstSeq: (person?.feed_first_seq as number | undefined) ?? 1,
      };
    },
  };
}
