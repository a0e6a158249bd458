import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { InboxItem } from "#gen/parley/message/v1/message_pb.js";
import type { TimelineEvent } from "#gen/parley/message/v1/timeline_pb.js";
import { type Room, RoomKind } from "#gen/parley/room/v1/room_pb.js";
import { lastMessageOf, numbersAfter, type RoomNumbers } from "./inbox-numbers.ts";
import { changedRoom } from "./room-changes.ts";
import type { InboxRoom } from "./types.ts";
import type { Users } from "./users.ts";

/** What is known of a room of the inbox. */
export interface InboxEntry {
  numbers: RoomNumbers;
  room?: Room;
  /** Of a direct room. */
  otherUserId?: string;
}

/** The rooms of an inbox as far as they are known: from the server's answers and from events. Asks for nothing. */
export interface InboxEntries {
  readonly byRoom: ReadonlyMap<string, InboxEntry>;
  /** As they are shown: those whose room is known, latest activity first. Each the same object until it changes. */
  shown(): InboxRoom[];
  /** A room of the server's list; its place comes with its item, before or after. */
  list(room: Room): void;
  /** Takes the server's item, unless more is known than it says: then false. `isForced`: takes it anyhow. */
  merge(item: InboxItem, isForced: boolean): boolean;
  /** Takes an event of a known room, after all that is known. False if what it leaves has to be asked for. */
  apply(entry: InboxEntry, event: TimelineEvent): boolean;
  /** One has read the known room up to this seq. */
  read(entry: InboxEntry, seq: bigint): void;
  /** Learns from the last message who the other one in a direct room is. */
  findOther(entry: InboxEntry): void;
  /** Whether it was there. */
  remove(roomId: string): boolean;
  clear(): void;
}

export interface InboxEntriesDeps {
  readonly users: Users;
  userId(): string | undefined;
}

export function createInboxEntries({ users, userId }: InboxEntriesDeps): InboxEntries {
  const entries = new Map<string, InboxEntry>();
  /** Rooms whose place in the inbox isn't known yet. */
  const unlisted = new Map<string, Room>();

  /** As last shown, and what that was made of. */
  const lastShown = new WeakMap<InboxEntry, { of: readonly unknown[]; room: InboxRoom }>();

  function inboxRoom(roomId: string, room: Room, entry: InboxEntry): InboxRoom {
    const { numbers, otherUserId } = entry;
    const otherUser = otherUserId === undefined ? undefined : users.user(otherUserId).get();
    const of = [numbers, room, otherUserId, otherUser];
    const known = lastShown.get(entry);
    if (known && of.every((part, index) => part === known.of[index])) return known.room;
    const { at, ...counts } = numbers;
    const createdAt = room.createdAt ? timestampMs(room.createdAt) : 0;
    const shown: InboxRoom = {
      roomId,
      room,
      title: room.kind === RoomKind.DIRECT ? (otherUser?.displayName ?? "") : room.name,
      ...counts,
      activeAt: Math.max(at, createdAt),
      ...(otherUserId !== undefined && { otherUserId }),
      ...(otherUser && { otherUser }),
    };
    lastShown.set(entry, { of, room: shown });
    return shown;
  }

  function findOther(entry: InboxEntry): void {
    const authorId = entry.numbers.lastMessage?.authorId;
    if (entry.room?.kind === RoomKind.DIRECT && authorId !== undefined && authorId !== userId())
      entry.otherUserId = authorId;
  }

  function add(roomId: string, numbers: RoomNumbers): void {
    const room = unlisted.get(roomId);
    unlisted.delete(roomId);
    const entry = { numbers, ...(room && { room }) };
    entries.set(roomId, entry);
    findOther(entry);
  }

  return {
    byRoom: entries,
    shown() {
      const shown = [...entries].flatMap(([roomId, entry]) =>
        entry.room ? [inboxRoom(roomId, entry.room, entry)] : [],
      );
      return shown.sort((a, b) => b.activeAt - a.activeAt || (a.roomId < b.roomId ? 1 : -1));
    },
    list(room) {
      const entry = entries.get(room.roomId);
      if (entry) entry.room = room;
      else unlisted.set(room.roomId, room);
    },
    merge(item, isForced) {
      const known = entries.get(item.roomId);
      const numbers = numbersOf(item);
      if (!known) {
        add(item.roomId, numbers);
        return true;
      }
      if (!isForced && item.lastSeq < known.numbers.lastSeq) return false;
      const { readSeq } = known.numbers;
      // One may have read on meanwhile.
      known.numbers = readSeq > item.readSeq && !isForced ? readTo(numbers, readSeq) : numbers;
      findOther(known);
      return true;
    },
    apply(entry, event) {
      const { numbers, isUnsure } = numbersAfter(entry.numbers, event, userId());
      entry.numbers = numbers;
      if (entry.room) entry.room = changedRoom(entry.room, event, userId());
      findOther(entry);
      return !isUnsure;
    },
    read(entry, seq) {
      entry.numbers = readTo(entry.numbers, seq);
    },
    findOther,
    remove: (roomId) => entries.delete(roomId),
    clear() {
      entries.clear();
      unlisted.clear();
    },
  };
}

function numbersOf({ unreadCount, readSeq, lastSeq, lastMessage }: InboxItem): RoomNumbers {
  return {
    unread: unreadCount,
    readSeq,
    lastSeq,
    at: lastMessage?.sentAt ? timestampMs(lastMessage.sentAt) : 0,
    ...(lastMessage && { lastMessage: lastMessageOf(lastMessage) }),
  };
}

/** With everything read, nothing is unread; else how much is has to be asked. */
function readTo(numbers: RoomNumbers, readSeq: bigint): RoomNumbers {
  return { ...numbers, readSeq, unread: readSeq >= numbers.lastSeq ? 0 : numbers.unread };
}
