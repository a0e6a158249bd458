import type { DatabaseSync } from "node:sqlite";
import type { OutboxStatements } from "../../../common/database/outbox-table.ts";
import type { feedTopic, timelineTopic } from "../../../common/events/topics.ts";
import type { FeedRow } from "../../types.ts";
import { createNumbers, type Numbers } from "./numbers.ts";
import { createRoomCache, type RoomCache } from "./room-cache.ts";
import { createRows, type MemberState, type PersonState, type RoomState, type Rows } from "./rows.ts";

/** What the ops of one transaction share. */
export interface Batch {
  /** One time for all, in ms. */
  readonly now: number;
  /** The room, deleted or not. */
  room(roomId: string): RoomState | undefined;
  createRoom(roomId: string): RoomState;
  /** Undefined also if the room is deleted. */
  member(room: RoomState, userId: string): MemberState | undefined;
  /** Whoever it is, from now on the database knows them. */
  person(userId: string): PersonState;
  /** Writes an entry into someone's feed. */
  feed(person: PersonState, entry: FeedEntryInit): void;
  /** Writes back what was changed, and what announces it. */
  finish(): BatchTraces;
}

export interface FeedEntryInit {
  readonly at: number;
  readonly kind: number;
  readonly room: RoomState;
  readonly number?: number;
  readonly invitationId?: string;
}

export interface BatchTraces {
  readonly feed: (readonly [userId: string, entry: FeedRow])[];
  readonly timelineOutbox: number[];
  readonly feedOutbox: number[];
}

/** Only the types are imported, since the modules would load every contract into the database's threads. */
const timelineTopicName: (typeof timelineTopic)["name"] = "parley.timeline.v1";
const feedTopicName: (typeof feedTopic)["name"] = "parley.feed.v1";

/** Answers how a batch begins. */
export function createBatches(db: DatabaseSync, outbox: OutboxStatements): () => Batch {
  const numbers = createNumbers(db);
  const rows = createRows(db);
  const cache = createRoomCache(rows);
  return () => {
    cache.begin();
    return beginBatch({ numbers, rows, cache, outbox });
  };
}

interface BatchDeps {
  numbers: Numbers;
  rows: Rows;
  cache: RoomCache;
  outbox: OutboxStatements;
}

function beginBatch({ numbers, rows, cache, outbox }: BatchDeps): Batch {
  const now = Date.now();
  const rooms = new Map<string, RoomState>();
  const people = new Map<string, PersonState>();
  const feed: BatchTraces["feed"] = [];

  function readRoom(roomId: string): RoomState | undefined {
    const roomNo = numbers.roomNo(roomId);
    if (roomNo === undefined) return undefined;
    const room = rows.room(roomNo, roomId);
    cache.add(room);
    return room;
  }

  function announce(topic: string, key: string, first: number, last: number): number {
    return outbox.insert({ topic, key, firstNumber: first + 1, lastNumber: last, createdAt: now });
  }

  return {
    now,
    room(roomId) {
      const known = rooms.get(roomId);
      if (known !== undefined) return known;
      const room = cache.get(roomId) ?? readRoom(roomId);
      if (room === undefined) return undefined;
      room.firstSeq = room.headSeq;
      rooms.set(roomId, room);
      return room;
    },
    createRoom(roomId) {
      const room = rows.insertRoom(roomId);
      cache.add(room);
      rooms.set(roomId, room);
      return room;
    },
    member(room, userId) {
      if (room.deletedAt !== null) return undefined;
      const known = room.members.get(userId);
      if (known !== undefined || room.members.has(userId)) return known;
      const userNo = people.get(userId)?.userNo ?? numbers.userNo(userId);
      const member = userNo === undefined ? undefined : rows.member(room.roomNo, userNo);
      cache.addMember(room, userId, member);
      return member;
    },
    person(userId) {
      const known = people.get(userId);
      if (known !== undefined) return known;
      const userNo = numbers.userNo(userId);
      const person = userNo === undefined ? rows.insertPerson(userId) : rows.person(userNo, userId);
      people.set(userId, person);
      return person;
    },
    feed(person, { at, kind, room, number = 0, invitationId = "" }) {
      person.feedSeq += 1;
      rows.insertFeed(person, at, kind, room.roomNo, number, invitationId);
      feed.push([person.userId, [person.feedSeq, at, kind, room.roomId, number, invitationId]]);
    },
    finish() {
      const timelineOutbox: number[] = [];
      const feedOutbox: number[] = [];
      for (const room of rooms.values()) {
        if (room.changed) rows.updateRoom(room);
        if (room.headSeq > room.firstSeq) {
          timelineOutbox.push(announce(timelineTopicName, room.roomId, room.firstSeq, room.headSeq));
        }
        for (const member of room.changedMembers) rows.updateMember(room, member);
      }
      cache.finish(rooms.values());
      for (const person of people.values()) {
        if (person.feedSeq === person.firstSeq) continue;
        rows.updatePerson(person);
        feedOutbox.push(announce(feedTopicName, person.userId, person.firstSeq, person.feedSeq));
      }
      return { feed, timelineOutbox, feedOutbox };
    },
  };
}
