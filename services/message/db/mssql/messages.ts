import { bytesToId } from "../../../common/ids.ts";
import type { MessageRow, ReactionRow } from "../../types.ts";

type Row = Record<string, unknown>;

/** Rows of message.standing and their reactions, put together. */
export function toMessages(
  posts: readonly Row[],
  reactions: readonly Row[],
): { roomNo: number; message: MessageRow }[] {
  const byPost = new Map<string, ReactionRow[]>();
  for (const row of reactions) {
    const key = `${row.room_no} ${row.message_seq}`;
    const ofPost = byPost.get(key) ?? [];
    byPost.set(key, ofPost);
    ofPost.push([row.emoji as string, row.people as number, row.mine === 1]);
  }
  return posts.map((row) => ({
    roomNo: row.room_no as number,
    message: toMessage(row, byPost.get(`${row.room_no} ${row.seq}`) ?? []),
  }));
}

function toMessage(row: Row, reactions: readonly ReactionRow[]): MessageRow {
  const number = (name: string) => (row[name] as number | null) ?? 0;
  const text = (name: string) => (row[name] as string | null) ?? "";
  return [
    number("seq"),
    bytesToId(row.author_id as Uint8Array),
    text("client_id"),
    text("text"),
    number("at"),
    number("edited_at"),
    number("deleted_at"),
    number("reply_to_seq"),
    reactions,
  ];
}
