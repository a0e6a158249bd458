import type { DatabaseSync } from "node:sqlite";
import { bytesToId, idToBytes } from "../../../common/ids.ts";
import type { FeedRow, InboxCursor, InboxRow } from "../../types.ts";
import type { ReadProcedures } from "../procedures.ts";
import type { MessageView } from "./message-view.ts";
import type { Access } from "./read-rooms.ts";

type PersonReads = Pick<ReadProcedures, "listInbox" | "readFeed">;

export function createPersonReads(db: DatabaseSync, access: Access, messages: MessageView): PersonReads {
  /** Sorted anew for each page: an order by activity that were kept would cost every event a write per member. */
  const selectInbox = db.prepare(`
    select room.room_no, room.room_id, room.head_seq, room.head_at, room.post_count, room.last_standing_seq,
      member.read_seq, member.read_posts, member.own_posts
    from member join room on room.room_no = member.room_no
    where member.user_no = ? and room.deleted_at is null and (room.head_at, room.room_id) < (?, ?)
    order by room.head_at desc, room.room_id desc limit ?`);
  const selectPerson = db.prepare("select feed_seq, feed_first_seq from person where user_no = ?");
  const selectFeed = db.prepare(`
    select feed.seq, feed.at, feed.kind, feed.number, feed.invitation_id, room.room_id
    from feed join room on room.room_no = feed.room_no
    where feed.user_no = ? and feed.seq > ? order by feed.seq limit ?`);

  function toInboxRow(row: StoredInboxRow, userNo: number): InboxRow {
    const { room_no: roomNo, head_seq: headSeq, last_standing_seq: lastSeq } = row;
    return {
      roomId: bytesToId(row.room_id),
      lastSeq: headSeq,
      lastAt: row.head_at,
      readSeq: row.read_seq,
      unreadCount: row.post_count - row.read_posts - row.own_posts,
      lastMessage: lastSeq === 0 ? undefined : messages.find({ roomNo, userNo, headSeq }, lastSeq),
    };
  }

  return {
    listInbox(userId, after, limit) {
      const userNo = access.userNo(userId);
      if (userNo === undefined) return { rows: [], hasMore: false };
      const { at, roomId } = inboxPosition(after);
      const rows = selectInbox.all(userNo, at, roomId, limit + 1) as unknown as StoredInboxRow[];
      const shown = rows.slice(0, limit).map((row) => toInboxRow(row, userNo));
      return { rows: shown, hasMore: rows.length > limit };
    },
    readFeed(userId, after, limit) {
      const userNo = access.userNo(userId);
      if (userNo === undefined) return { rows: [], headSeq: 0, firstSeq: 1 };
      const person = selectPerson.get(userNo) as { feed_seq: number; feed_first_seq: number };
      const rows = selectFeed.all(userNo, after, limit) as unknown as StoredFeedRow[];
      return { rows: rows.map(toFeedRow), headSeq: person.feed_seq, firstSeq: person.feed_first_seq };
    },
  };
}

/** Above everything unless a page came before. */
function inboxPosition(after: InboxCursor | undefined): { at: number; roomId: Uint8Array } {
  if (after === undefined) return { at: Number.MAX_SAFE_INTEGER, roomId: new Uint8Array() };
  return { at: after.lastAt, roomId: idToBytes(after.roomId) };
}

interface StoredInboxRow {
  room_no: number;
  room_id: Uint8Array;
  head_seq: number;
  head_at: number;
  post_count: number;
  last_standing_seq: number;
  read_seq: number;
  read_posts: number;
  own_posts: number;
}

interface StoredFeedRow {
  seq: number;
  at: number;
  kind: number;
  number: number;
  invitation_id: Uint8Array | null;
  room_id: Uint8Array;
}

function toFeedRow({ seq, at, kind, number, invitation_id, room_id }: StoredFeedRow): FeedRow {
  const invitationId = invitation_id === null ? "" : bytesToId(invitation_id);
  return [seq, at, kind, bytesToId(room_id), number, invitationId];
}
