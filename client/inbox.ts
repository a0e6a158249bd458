import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { FeedEntry } from "#gen/parley/message/v1/feed_pb.js";
import type { InboxItem } from "#gen/parley/message/v1/message_pb.js";
import type { MessageService } from "#gen/parley/message/v1/message_service_pb.js";
import type { TimelineEvent } from "#gen/parley/message/v1/timeline_pb.js";
import { type Room, RoomKind } from "#gen/parley/room/v1/room_pb.js";
import type { RoomService } from "#gen/parley/room/v1/room_service_pb.js";
import { pause } from "./abort.ts";
import { backoffMs } from "./backoff.ts";
import type { Client } from "./connect-protocol.ts";
import { toParleyError } from "./errors.ts";
import { lastMessageOf, numbersAfter, type RoomNumbers } from "./inbox-numbers.ts";
import { createView, type Observable } from "./observable.ts";
import { changedRoom } from "./room-changes.ts";
import type { Inbox, InboxRoom } from "./types.ts";
import type { Users } from "./users.ts";

/**
 * The person's rooms. They are loaded before the first connection, whose cursors they give, and live from then on by
 * events. An item of the server's says of which seq it is, so that what comes by events is counted once.
 */
export interface InboxStore {
  readonly state: Observable<Inbox>;
  /** Loads all there is, unless it is loaded. Rejects if that fails. */
  load(signal: AbortSignal): Promise<void>;
  numbers(roomId: string): RoomNumbers | undefined;
  event(event: TimelineEvent): void;
  feed(entry: FeedEntry): void;
  gone(roomId: string): void;
  /** What is known of the room, or of all, is to be fetched anew. */
  refresh(roomId: string | undefined): void;
  /** Asks for all rooms; what is known stays where it is newer. */
  compare(): void;
  /** One has read up to this seq. `isTold`: the server knows, and can be asked what is left; else `told` follows. */
  read(roomId: string, seq: bigint, isTold: boolean): void;
  /** The server knows how far one has read. */
  told(roomId: string): void;
  /** Connected again: what couldn't be asked is asked again. */
  connected(): void;
  clear(): void;
}

export interface InboxDeps {
  readonly messages: Client<typeof MessageService>;
  readonly rooms: Client<typeof RoomService>;
  readonly users: Users;
  userId(): string | undefined;
  /** A room is there, whose last event has this seq. */
  knowHead(roomId: string, seq: bigint): void;
}

interface Entry {
  numbers: RoomNumbers;
  room?: Room;
  otherUserId?: string;
}

const pageSize = 200;
const gatherMs = 50;
/** In place of a room's id: all rooms, also those that aren't known. */
const everything = "";

export function createInbox(deps: InboxDeps): InboxStore {
  const { messages, rooms, users, knowHead } = deps;
  const entries = new Map<string, Entry>();
  const stale = new Set<string>();
  let status: Inbox["status"] = "loading";
  let error: Inbox["error"];
  let hasMore = true;
  let isLoaded = false;
  let loading: Promise<void> | undefined;
  let refreshing = false;
  /** Counts lives: what was asked for someone else is dropped. */
  let life = 0;
  const state = createView(build);
  users.onChange(state.invalidate);

  function build(): Inbox {
    const shown = [...entries].flatMap(([roomId, entry]) => (entry.room ? [inboxRoom(roomId, entry)] : []));
    shown.sort((a, b) => b.activeAt - a.activeAt || (a.roomId < b.roomId ? 1 : -1));
    return { status, rooms: shown, hasMore, ...(error && { error }) };
  }

  function inboxRoom(roomId: string, { numbers, room, otherUserId }: Entry): InboxRoom {
    const otherUser = otherUserId === undefined ? undefined : users.user(otherUserId).get();
    const { at, ...counts } = numbers;
    const createdAt = room?.createdAt ? timestampMs(room.createdAt) : 0;
    return {
      roomId,
      room: room!,
      title: room!.kind === RoomKind.DIRECT ? (otherUser?.displayName ?? "") : room!.name,
      ...counts,
      activeAt: Math.max(at, createdAt),
      ...(otherUserId !== undefined && { otherUserId }),
      ...(otherUser && { otherUser }),
    };
  }

  async function loadAll(signal: AbortSignal): Promise<void> {
    const mine = life;
    const there = new Set<string>();
    const named = loadRooms(signal, mine);
    // It may fail while the pages below are still under way.
    named.catch(() => {});
    for (let pageToken = ""; ; ) {
      const page = await messages.listInbox({ pageSize, pageToken }, { signal });
      if (life !== mine) return;
      for (const item of page.items) {
        there.add(item.roomId);
        merge(item);
      }
      pageToken = page.nextPageToken;
      state.invalidate();
      if (pageToken === "") break;
    }
    await named;
    if (life !== mine) return;
    isLoaded = true;
    hasMore = false;
    status = "ready";
    error = undefined;
    state.invalidate();
    void nameDirectRooms();
  }

  async function loadRooms(signal: AbortSignal, mine: number): Promise<void> {
    for (let pageToken = ""; ; ) {
      const page = await rooms.listRooms({ pageSize, pageToken }, { signal });
      if (life !== mine) return;
      for (const room of page.rooms) nameRoom(room);
      pageToken = page.nextPageToken;
      if (pageToken === "") return;
    }
  }

  function nameRoom(room: Room): void {
    const entry = entries.get(room.roomId);
    if (entry) entry.room = room;
    else unlisted.set(room.roomId, room);
  }
  /** Rooms whose place in the inbox isn't known yet. */
  const unlisted = new Map<string, Room>();

  function merge(item: InboxItem, isForced = false): void {
    const { roomId } = item;
    const known = entries.get(roomId);
    const room = unlisted.get(roomId);
    unlisted.delete(roomId);
    const numbers: RoomNumbers = {
      unread: item.unreadCount,
      readSeq: item.readSeq,
      lastSeq: item.lastSeq,
      at: item.lastMessage?.sentAt ? timestampMs(item.lastMessage.sentAt) : 0,
      ...(item.lastMessage && { lastMessage: lastMessageOf(item.lastMessage) }),
    };
    if (!known) entries.set(roomId, { numbers, ...(room && { room }) });
    else if (isForced && (latest.get(roomId) ?? 0n) > item.lastSeq) {
      // An event came between the answer and now: it is of the new life, and counted.
      forced.add(roomId);
      stale.add(roomId);
    } else if (isForced || item.lastSeq >= known.numbers.lastSeq) {
      // One may have read on meanwhile.
      const wasRead = known.numbers.readSeq > item.readSeq && !isForced;
      known.numbers = wasRead ? { ...numbers, ...readTo(numbers, known.numbers.readSeq) } : numbers;
    } else stale.add(roomId);
    knowHead(roomId, item.lastSeq);
    findOther(roomId);
  }

  function findOther(roomId: string): void {
    const entry = entries.get(roomId);
    const authorId = entry?.numbers.lastMessage?.authorId;
    if (entry?.room?.kind === RoomKind.DIRECT && authorId !== undefined && authorId !== deps.userId())
      entry.otherUserId = authorId;
  }

  async function nameDirectRooms(): Promise<void> {
    const mine = life;
    for (const [roomId, entry] of [...entries]) {
      findOther(roomId);
      if (entry.room?.kind !== RoomKind.DIRECT || entry.otherUserId !== undefined) continue;
      try {
        const { members } = await rooms.listMembers({ roomId });
        if (life !== mine) return;
        const other = members.find(({ userId }) => userId !== deps.userId());
        if (other) entry.otherUserId = other.userId;
        state.invalidate();
      } catch {
        // The next refresh asks again.
      }
    }
    state.invalidate();
  }

  function want(roomId: string): void {
    stale.add(roomId);
    if (refreshing) return;
    refreshing = true;
    const mine = life;
    void refreshStale().finally(() => {
      refreshing = false;
      // Another person's, who asked meanwhile.
      const [next] = stale;
      if (next !== undefined && life !== mine) want(next);
    });
  }

  async function refreshStale(): Promise<void> {
    const mine = life;
    await pause(gatherMs);
    for (let failures = 0; stale.size > 0 && life === mine && failures < 8; ) {
      try {
        const asked = new Set(stale);
        stale.clear();
        await refreshRooms(asked, mine);
        failures = 0;
        if (stale.size > 0) await pause(gatherMs * 4);
      } catch {
        failures += 1;
        await pause(backoffMs(failures));
      }
    }
    void nameDirectRooms();
  }

  async function refreshRooms(asked: Set<string>, mine: number): Promise<void> {
    const missing = new Set(asked);
    latest.clear();
    const isAll = asked.has(everything);
    try {
      for (let pageToken = ""; missing.size > 0; ) {
        const page = await messages.listInbox({ pageSize, pageToken });
        if (life !== mine) return;
        for (const item of page.items) {
          if (isAll) asked.add(item.roomId);
          if (isAll || missing.has(item.roomId)) merge(item, forced.delete(item.roomId));
          missing.delete(item.roomId);
        }
        pageToken = page.nextPageToken;
        if (pageToken === "") break;
      }
      for (const roomId of asked) {
        const entry = entries.get(roomId);
        if (missing.has(roomId)) entries.delete(roomId);
        else if (entry && !entry.room) entry.room = (await rooms.getRoom({ roomId })).room!;
      }
    } catch (reason) {
      if (life === mine) for (const roomId of asked) stale.add(roomId);
      throw reason;
    }
    state.invalidate();
  }
  /** By room, the last event since a refresh began. */
  const latest = new Map<string, bigint>();
  /** Rooms whose numbers are of another life of the data. */
  const forced = new Set<string>();

  return {
    state,
    load(signal) {
      if (isLoaded) return Promise.resolve();
      loading ??= loadAll(signal)
        .catch((reason) => {
          if (!signal.aborted) {
            error = toParleyError(reason);
            if (status !== "ready") status = "failed";
            state.invalidate();
          }
          throw reason;
        })
        .finally(() => {
          loading = undefined;
        });
      return loading;
    },
    numbers: (roomId) => entries.get(roomId)?.numbers,
    event(event) {
      const entry = entries.get(event.roomId);
      if (!entry) return want(event.roomId);
      latest.set(event.roomId, event.seq);
      const before = entry.numbers;
      if (event.seq <= before.lastSeq) return;
      const { numbers, isUnsure } = numbersAfter(before, event, deps.userId());
      entry.numbers = numbers;
      if (entry.room) entry.room = changedRoom(entry.room, event, deps.userId());
      findOther(event.roomId);
      if (isUnsure) want(event.roomId);
      state.invalidate();
    },
    feed({ body }) {
      if (body.case === "roomJoined" && !entries.has(body.value.roomId)) want(body.value.roomId);
      else if (body.case === "roomLeft") this.gone(body.value.roomId);
      else if (body.case === "markedRead") this.read(body.value.roomId, body.value.readSeq, true);
    },
    gone(roomId) {
      if (entries.delete(roomId)) state.invalidate();
    },
    refresh(roomId) {
      if (roomId !== undefined) {
        forced.add(roomId);
        return want(roomId);
      }
      for (const each of entries.keys()) {
        forced.add(each);
        stale.add(each);
      }
      want(everything);
    },
    compare: () => want(everything),
    read(roomId, seq, isTold) {
      const entry = entries.get(roomId);
      if (!entry || seq <= entry.numbers.readSeq) return;
      const { numbers } = entry;
      entry.numbers = { ...numbers, ...readTo(numbers, seq) };
      if (isTold && seq < numbers.lastSeq) want(roomId);
      state.invalidate();
    },
    told(roomId) {
      const numbers = entries.get(roomId)?.numbers;
      if (numbers && numbers.readSeq < numbers.lastSeq) want(roomId);
    },
    connected() {
      const [roomId] = stale;
      if (roomId !== undefined) want(roomId);
    },
    clear() {
      life += 1;
      entries.clear();
      unlisted.clear();
      stale.clear();
      forced.clear();
      loading = undefined;
      isLoaded = false;
      hasMore = true;
      status = "loading";
      error = undefined;
      state.invalidate();
    },
  };
}

/** With everything read, nothing is unread; else how much is has to be asked. */
function readTo(numbers: RoomNumbers, readSeq: bigint): Pick<RoomNumbers, "readSeq" | "unread"> {
  return { readSeq, unread: readSeq >= numbers.lastSeq ? 0 : numbers.unread };
}
