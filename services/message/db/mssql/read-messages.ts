import type { MssqlCalls } from "../../../common/database/mssql-procedures.ts";
import { idToBytes, isId } from "../../../common/ids.ts";
import type { MessageRow, SeqBounds } from "../../types.ts";
import { toMessages } from "./messages.ts";
import type { MssqlReads } from "./procedures.ts";

type MessageReads = Pick<MssqlReads, "listMessages" | "getMessage">;

export function createMessageReads(calls: MssqlCalls): MessageReads {
  /** Up to one more than the limit, in ascending order; undefined if the user is not in the room. */
  async function list(
    roomId: string,
    userId: string,
    { after, before }: SeqBounds,
    limit: number,
  ): Promise<MessageRow[] | undefined> {
    if (!isId(roomId) || !isId(userId)) return undefined;
    const [room = [], posts = [], reactions = []] = await calls.read("message.list_messages", {
      room_id: idToBytes(roomId),
      user_id: idToBytes(userId),
      after: after ?? null,
      before: before ?? null,
      limit,
    });
    return room.length === 0 ? undefined : toMessages(posts, reactions).map(({ message }) => message);
  }

  return {
    async listMessages(roomId, userId, bounds, limit) {
      const rows = await list(roomId, userId, bounds, limit);
      if (rows === undefined) return undefined;
      const shown = bounds.after === undefined ? rows.slice(-limit) : rows.slice(0, limit);
      return { rows: shown, hasMore: rows.length > limit };
    },
    async getMessage(roomId, userId, seq) {
      const rows = await list(roomId, userId, { after: seq - 1, before: seq + 1 }, 1);
      return rows && (rows[0] ?? null);
    },
  };
}
