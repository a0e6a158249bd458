import type { DatabaseSync } from "node:sqlite";
import { bytesToId } from "../../../common/ids.ts";
import type { ReadProcedures } from "../procedures.ts";
import { createNumbers, type Numbers } from "./numbers.ts";

/** How readers find rooms and people, and who may read. */
export interface Access extends Numbers {
  /** The room, if the user is in it. */
  roomOf(roomId: string, userId: string): RoomView | undefined;
  room(roomId: string): RoomView | undefined;
  /** The id of whom a row of this database names. */
  userId(userNo: number): string;
}

export interface RoomView {
  readonly roomNo: number;
  readonly userNo: number;
  readonly headSeq: number;
}

const limit = 100_000;

export function createAccess(db: DatabaseSync): Access {
  const numbers = createNumbers(db);
  const selectHead = db.prepare("select head_seq from room where room_no = ?");
  const selectMember = db.prepare(`
    select room.head_seq from member join room on room.room_no = member.room_no
    where member.room_no = ? and member.user_no = ? and room.deleted_at is null`);
  const selectUserId = db.prepare("select user_id from person where user_no = ?");
  const userIds = new Map<number, string>();

  return {
    ...numbers,
    roomOf(roomId, userId) {
      const roomNo = numbers.roomNo(roomId);
      const userNo = numbers.userNo(userId);
      if (roomNo === undefined || userNo === undefined) return undefined;
      const row = selectMember.get(roomNo, userNo) as { head_seq: number } | undefined;
      return row && { roomNo, userNo, headSeq: row.head_seq };
    },
    room(roomId) {
      const roomNo = numbers.roomNo(roomId);
      if (roomNo === undefined) return undefined;
      const { head_seq } = selectHead.get(roomNo) as { head_seq: number };
      return { roomNo, userNo: 0, headSeq: head_seq };
    },
    userId(userNo) {
      let userId = userIds.get(userNo);
      if (userId === undefined) {
        userId = bytesToId((selectUserId.get(userNo) as { user_id: Uint8Array }).user_id);
        if (userIds.size >= limit) userIds.clear();
        userIds.set(userNo, userId);
      }
      return userId;
    },
  };
}

type RoomReads = Pick<ReadProcedures, "userState" | "heads" | "roomVersions" | "epoch">;

export function createRoomReads(db: DatabaseSync, access: Access): RoomReads {
  const selectState = db.prepare(`
    select room.room_id, room.head_seq from member join room on room.room_no = member.room_no
    where member.user_no = ? and room.deleted_at is null`);
  const selectFeedHead = db.prepare("select feed_seq from person where user_no = ?");
  const selectVersion = db.prepare("select version from room where room_no = ?");
  const selectEpoch = db.prepare("select value from meta where name = 'epoch'");

  function feedHead(userNo: number | undefined): number {
    if (userNo === undefined) return 0;
    return (selectFeedHead.get(userNo) as { feed_seq: number }).feed_seq;
  }

  return {
    userState(userId) {
      const userNo = access.userNo(userId);
      if (userNo === undefined) return { feedSeq: 0, roomIds: [], seqs: [] };
      const rows = selectState.all(userNo) as { room_id: Uint8Array; head_seq: number }[];
      const roomIds = rows.map(({ room_id }) => bytesToId(room_id));
      return { feedSeq: feedHead(userNo), roomIds, seqs: rows.map(({ head_seq }) => head_seq) };
    },
    heads: (roomIds, userIds) => ({
      rooms: roomIds.map((roomId) => access.room(roomId)?.headSeq ?? 0),
      feeds: userIds.map((userId) => feedHead(access.userNo(userId))),
    }),
    roomVersions: (roomIds) =>
      roomIds.map((roomId) => {
        const roomNo = access.roomNo(roomId);
        return roomNo === undefined ? 0 : (selectVersion.get(roomNo) as { version: number }).version;
      }),
    epoch: () => (selectEpoch.get() as { value: string }).value,
  };
}
