import type { DatabaseSync } from "node:sqlite";
import { idToBytes } from "../../../common/ids.ts";

/** A room as a batch has it. Written back once, at the end. Every change raises the version or the head. */
export interface RoomState {
  readonly roomNo: number;
  readonly roomId: string;
  version: number;
  headSeq: number;
  headAt: number;
  postCount: number;
  lastPostSeq: number;
  standingSeq: number;
  deletedAt: number | null;
  /** The head before the batch. */
  firstSeq: number;
  changed: boolean;
  /** By user id; undefined is known to be none. */
  readonly members: Map<string, MemberState | undefined>;
  /** Those whose counts have to be written back. */
  readonly changedMembers: Set<MemberState>;
}

/**
 * A member as a batch has them: role and presence as they are in the table, the counts written back at the end. Every
 * change of the counts raises one of them and the marker.
 */
export interface MemberState {
  readonly userNo: number;
  role: number;
  readSeq: number;
  readPosts: number;
  ownPosts: number;
}

/** Someone who gets feed entries, or is in a timeline for the first time. */
export interface PersonState {
  readonly userNo: number;
  readonly userId: string;
  feedSeq: number;
  /** The last entry before the batch. */
  readonly firstSeq: number;
}

export type Rows = ReturnType<typeof createRows>;

/** The rows of rooms, members and people. */
export function createRows(db: DatabaseSync) {
  const selectRoom = db.prepare(`
    select version, head_seq, head_at, post_count, last_post_seq, last_standing_seq, deleted_at
    from room where room_no = ?`);
  const insertRoom = db.prepare(`
    insert into room (room_id, version, head_seq, head_at, post_count, last_post_seq, last_standing_seq)
    values (?, 0, 0, 0, 0, 0, 0)`);
  const updateRoom = db.prepare(`
    update room
    set version = ?, head_seq = ?, head_at = ?, post_count = ?, last_post_seq = ?, last_standing_seq = ?,
      deleted_at = ?
    where room_no = ?`);
  const selectMember = db.prepare(`
    select role, read_seq, read_posts, own_posts from member where room_no = ? and user_no = ?`);
  const updateMember = db.prepare(`
    update member set read_seq = ?, read_posts = ?, own_posts = ? where room_no = ? and user_no = ?`);
  const selectPerson = db.prepare("select feed_seq from person where user_no = ?");
  const insertPerson = db.prepare("insert into person (user_id, feed_seq, feed_first_seq) values (?, 0, 1)");
  const updatePerson = db.prepare("update person set feed_seq = ? where user_no = ?");
  const insertFeed = db.prepare(`
    insert into feed (user_no, seq, at, kind, room_no, number, invitation_id) values (?, ?, ?, ?, ?, ?, ?)`);

  return {
    room(roomNo: number, roomId: string): RoomState {
      const row = selectRoom.get(roomNo) as unknown as RoomRow;
      return {
        roomNo,
        roomId,
        version: row.version,
        headSeq: row.head_seq,
        headAt: row.head_at,
        postCount: row.post_count,
        lastPostSeq: row.last_post_seq,
        standingSeq: row.last_standing_seq,
        deletedAt: row.deleted_at,
        firstSeq: row.head_seq,
        changed: false,
        members: new Map(),
        changedMembers: new Set(),
      };
    },
    insertRoom(roomId: string): RoomState {
      const roomNo = Number(insertRoom.run(idToBytes(roomId)).lastInsertRowid);
      return this.room(roomNo, roomId);
    },
    updateRoom(room: RoomState): void {
      const { version, headSeq, headAt, postCount, lastPostSeq, standingSeq, deletedAt, roomNo } = room;
      updateRoom.run(version, headSeq, headAt, postCount, lastPostSeq, standingSeq, deletedAt, roomNo);
    },
    member(roomNo: number, userNo: number): MemberState | undefined {
      const row = selectMember.get(roomNo, userNo) as MemberRow | undefined;
      if (row === undefined) return undefined;
      const { role, read_seq: readSeq, read_posts: readPosts, own_posts: ownPosts } = row;
      return { userNo, role, readSeq, readPosts, ownPosts };
    },
    /** Whether the room is there, as far as it is. */
    hasRoom({ roomNo, version, headSeq }: RoomState): boolean {
      const row = selectRoom.get(roomNo) as RoomRow | undefined;
      return row?.version === version && row.head_seq === headSeq;
    },
    /** Whether the member is there, with these counts. */
    hasMember({ roomNo }: RoomState, { userNo, readSeq, ownPosts }: MemberState): boolean {
      const row = selectMember.get(roomNo, userNo) as MemberRow | undefined;
      return row?.read_seq === readSeq && row.own_posts === ownPosts;
    },
    updateMember({ roomNo }: RoomState, { userNo, readSeq, readPosts, ownPosts }: MemberState): void {
      updateMember.run(readSeq, readPosts, ownPosts, roomNo, userNo);
    },
    person(userNo: number, userId: string): PersonState {
      const { feed_seq } = selectPerson.get(userNo) as { feed_seq: number };
      return { userNo, userId, feedSeq: feed_seq, firstSeq: feed_seq };
    },
    insertPerson(userId: string): PersonState {
      const userNo = Number(insertPerson.run(idToBytes(userId)).lastInsertRowid);
      return { userNo, userId, feedSeq: 0, firstSeq: 0 };
    },
    updatePerson({ userNo, feedSeq }: PersonState): void {
      updatePerson.run(feedSeq, userNo);
    },
    insertFeed(
      person: PersonState,
      at: number,
      kind: number,
      roomNo: number,
      number: number,
      invitationId: string,
    ): void {
      const invitation = invitationId === "" ? null : idToBytes(invitationId);
      insertFeed.run(person.userNo, person.feedSeq, at, kind, roomNo, number, invitation);
    },
  };
}

interface RoomRow {
  version: number;
  head_seq: number;
  head_at: number;
  post_count: number;
  last_post_seq: number;
  last_standing_seq: number;
  deleted_at: number | null;
}

interface MemberRow {
  role: number;
  read_seq: number;
  read_posts: number;
  own_posts: number;
}
