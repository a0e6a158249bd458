import type { FeedEntry } from "#gen/parley/message/v1/feed_pb.js";
import type { InboxItem } from "#gen/parley/message/v1/message_pb.js";
import type { MessageService } from "#gen/parley/message/v1/message_service_pb.js";
import type { TimelineEvent } from "#gen/parley/message/v1/timeline_pb.js";
import { RoomKind } from "#gen/parley/room/v1/room_pb.js";
import type { RoomService } from "#gen/parley/room/v1/room_service_pb.js";
import { pause } from "./abort.ts";
import { backoffMs } from "./backoff.ts";
import type { Client } from "./connect-protocol.ts";
import { toParleyError } from "./errors.ts";
import { createInboxEntries, type InboxEntriesDeps } from "./inbox-entries.ts";
import type { RoomNumbers } from "./inbox-numbers.ts";
import { createView, type Observable } from "./observable.ts";
import { pagesOf } from "./pages.ts";
import type { Inbox } from "./types.ts";

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

export interface InboxDeps extends InboxEntriesDeps {
  readonly messages: Client<typeof MessageService>;
  readonly rooms: Client<typeof RoomService>;
  /** A room is there, whose last event has this seq. */
  knowHead(roomId: string, seq: bigint): void;
}

const gatherMs = 50;
/** In place of a room's id: all rooms, also those that aren't known. */
const everything = "";

export function createInbox(deps: InboxDeps): InboxStore {
  const { messages, rooms, users, userId, knowHead } = deps;
  const entries = createInboxEntries(deps);
  const stale = new Set<string>();
  /** Rooms whose numbers are of another life of the data. */
  const forced = new Set<string>();
  /** By room, the last event since a refresh began. */
  const latest = new Map<string, bigint>();
  let error: Inbox["error"];
  let isLoaded = false;
  let loading: Promise<void> | undefined;
  let refreshing = false;
  /** Counts lives: what was asked for someone else is dropped. */
  let life = 0;
  const state = createView<Inbox>(() => {
    const status = isLoaded ? "ready" : error ? "failed" : "loading";
    return { status, rooms: entries.shown(), hasMore: !isLoaded, ...(error && { error }) };
  });
  users.onChange(state.invalidate);

  async function loadAll(signal: AbortSignal): Promise<void> {
    const mine = life;
    const named = loadRooms(signal, mine);
    // It may fail while the pages below are still under way.
    named.catch(() => {});
    for await (const { items } of pagesOf((page) => messages.listInbox(page, { signal }))) {
      if (life !== mine) return;
      for (const item of items) take(item, false);
      state.invalidate();
    }
    await named;
    if (life !== mine) return;
    isLoaded = true;
    error = undefined;
    state.invalidate();
    void nameDirectRooms();
  }

  async function loadRooms(signal: AbortSignal, mine: number): Promise<void> {
    for await (const listed of pagesOf((page) => rooms.listRooms(page, { signal }))) {
      if (life !== mine) return;
      for (const room of listed.rooms) entries.list(room);
    }
  }

  function take(item: InboxItem, isForced: boolean): void {
    const { roomId, lastSeq } = item;
    // By an event that came between the answer and now: it is of the new life, and counted.
    const isOvertaken = isForced && entries.byRoom.has(roomId) && (latest.get(roomId) ?? 0n) > lastSeq;
    if (isOvertaken) forced.add(roomId);
    if (isOvertaken || !entries.merge(item, isForced)) stale.add(roomId);
    knowHead(roomId, lastSeq);
  }

  async function nameDirectRooms(): Promise<void> {
    const mine = life;
    for (const [roomId, entry] of [...entries.byRoom]) {
      entries.findOther(entry);
      if (entry.room?.kind !== RoomKind.DIRECT || entry.otherUserId !== undefined) continue;
      try {
        const { members } = await rooms.listMembers({ roomId });
        if (life !== mine) return;
        const other = members.find((member) => member.userId !== userId());
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
      if (life !== mine) wantRest();
    });
  }

  function wantRest(): void {
    const [roomId] = stale;
    if (roomId !== undefined) want(roomId);
  }

  async function refreshStale(): Promise<void> {
    const mine = life;
    await pause(gatherMs);
    for (let failures = 0; stale.size > 0 && life === mine && failures < 8; ) {
      const asked = new Set(stale);
      stale.clear();
      try {
        await refreshRooms(asked, mine);
        failures = 0;
        if (stale.size > 0) await pause(gatherMs * 4);
      } catch {
        if (life === mine) for (const roomId of asked) stale.add(roomId);
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
    for await (const { items } of pagesOf((page) => messages.listInbox(page))) {
      if (life !== mine) return;
      for (const item of items) {
        if (isAll) asked.add(item.roomId);
        if (isAll || missing.has(item.roomId)) take(item, forced.delete(item.roomId));
        missing.delete(item.roomId);
      }
      if (missing.size === 0) break;
    }
    for (const roomId of asked) {
      const entry = entries.byRoom.get(roomId);
      if (missing.has(roomId)) entries.remove(roomId);
      else if (entry && !entry.room) entry.room = (await rooms.getRoom({ roomId })).room!;
    }
    state.invalidate();
  }

  return {
    state,
    load(signal) {
      if (isLoaded) return Promise.resolve();
      loading ??= loadAll(signal)
        .catch((reason) => {
          if (!signal.aborted) {
            error = toParleyError(reason);
            state.invalidate();
          }
          throw reason;
        })
        .finally(() => {
          loading = undefined;
        });
      return loading;
    },
    numbers: (roomId) => entries.byRoom.get(roomId)?.numbers,
    event(event) {
      const entry = entries.byRoom.get(event.roomId);
      if (!entry) return want(event.roomId);
      latest.set(event.roomId, event.seq);
      if (event.seq <= entry.numbers.lastSeq) return;
      if (!entries.apply(entry, event)) want(event.roomId);
      state.invalidate();
    },
    feed({ body }) {
      if (body.case === "roomJoined" && !entries.byRoom.has(body.value.roomId)) want(body.value.roomId);
      else if (body.case === "roomLeft") this.gone(body.value.roomId);
      else if (body.case === "markedRead") this.read(body.value.roomId, body.value.readSeq, true);
    },
    gone(roomId) {
      if (entries.remove(roomId)) state.invalidate();
    },
    refresh(roomId) {
      for (const each of roomId === undefined ? entries.byRoom.keys() : [roomId]) {
        forced.add(each);
        stale.add(each);
      }
      want(roomId ?? everything);
    },
    compare: () => want(everything),
    read(roomId, seq, isTold) {
      const entry = entries.byRoom.get(roomId);
      if (!entry || seq <= entry.numbers.readSeq) return;
      entries.read(entry, seq);
      if (isTold && seq < entry.numbers.lastSeq) want(roomId);
      state.invalidate();
    },
    told(roomId) {
      const numbers = entries.byRoom.get(roomId)?.numbers;
      if (numbers && numbers.readSeq < numbers.lastSeq) want(roomId);
    },
    connected: wantRest,
    clear() {
      life += 1;
      entries.clear();
      stale.clear();
      forced.clear();
      loading = undefined;
      isLoaded = false;
      error = undefined;
      state.invalidate();
    },
  };
}
