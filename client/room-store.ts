import type { TimelineEvent } from "#gen/parley/message/v1/timeline_pb.js";
import type { RoomService } from "#gen/parley/room/v1/room_service_pb.js";
import { pause } from "./abort.ts";
import { backoffMs } from "./backoff.ts";
import { Code } from "./code.ts";
import type { Client } from "./connect-protocol.ts";
import { type ParleyError, toParleyError } from "./errors.ts";
import type { RoomNumbers } from "./inbox-numbers.ts";
import { createKeptRoom } from "./kept-room.ts";
import { createMembers } from "./members.ts";
import { createView } from "./observable.ts";
import { oneAtATime } from "./one-at-a-time.ts";
import { createRoomActions, type RoomActionsDeps } from "./room-actions.ts";
import { createRoomLife } from "./room-life.ts";
import { createRoomPages, enoughItems, pageSize } from "./room-pages.ts";
import type { FedRoomStore, LoadOptions, RoomState } from "./room-types.ts";
import { createTimeline } from "./timeline.ts";
import { createTyping } from "./typing.ts";

export interface RoomStoreDeps extends RoomActionsDeps {
  readonly rooms: Client<typeof RoomService>;
  userId(): string | undefined;
  numbers(roomId: string): RoomNumbers | undefined;
  knowHead(roomId: string, seq: bigint): void;
  markRead(roomId: string, seq: bigint): void;
  onHeld(store: FedRoomStore): void;
}

const maxItems = 400;
/** With more changed messages than this to remember, the newest page is begun with anew when nobody looks further up. */
const maxRemembered = 5_000;

export function createRoomStore(roomId: string, deps: RoomStoreDeps): FedRoomStore {
  const { messages, rooms, outbox } = deps;
  const timeline = createTimeline(deps.userId, maxItems);
  const state = createView(build);
  const typing = createTyping(state.invalidate);
  const kept = createKeptRoom({ roomId, rooms, userId: deps.userId, onChange: state.invalidate });
  const members = createMembers(rooms, roomId, state.invalidate);
  const life = createRoomLife();
  const pages = createRoomPages({ roomId, messages, timeline, maxItems, onChange: state.invalidate });
  let status: RoomState["status"] = "loading";
  let error: ParleyError | undefined;
  let holders = 0;
  /** Events that come while the newest page is loaded. */
  let early: TimelineEvent[] | undefined;

  function build(): RoomState {
    const numbers = deps.numbers(roomId);
    const { room } = kept;
    const shown = room && members.isLoaded ? { ...room, memberCount: members.all.length } : room;
    return {
      status,
      messages: timeline.items,
      outgoing: outbox.of(roomId),
      members: members.all,
      typing: typing.userIds,
      unread: numbers?.unread ?? 0,
      readSeq: numbers?.readSeq ?? 0n,
      lastSeq: timeline.newest,
      hasOlder: timeline.hasOlder,
      hasNewer: timeline.hasNewer,
      ...(shown && { room: shown, myRole: shown.myRole }),
      ...(error && { error }),
    };
  }

  /** Begins with the newest page; again and again while that fails, if the room is held. */
  async function begin(signal: AbortSignal): Promise<void> {
    for (let failures = 0; ; failures += 1) {
      try {
        await beginOnce(signal);
        return;
      } catch (reason) {
        if (signal.aborted) throw reason;
        const failure = toParleyError(reason);
        if (failure.code === Code.NotFound) return leave();
        error = failure;
        if (status !== "ready") status = "failed";
        state.invalidate();
        if (holders === 0) throw failure;
        await pause(Math.max(failure.retryAfter ?? 0, backoffMs(failures)), signal);
      }
    }
  }

  async function beginOnce(signal: AbortSignal): Promise<void> {
    const events: TimelineEvent[] = [];
    early = events;
    try {
      await beginWith(events, signal);
    } finally {
      // If it failed, what is shown goes on.
      if (early === events) {
        early = undefined;
        if (status === "ready") for (const event of events) apply(event);
      }
    }
    void pages.quote(signal);
    if (timeline.items.length < enoughItems && timeline.hasOlder) await pages.older(signal).catch(() => {});
  }

  async function beginWith(events: TimelineEvent[], signal: AbortSignal): Promise<void> {
    const page = await messages.listTimeline({ roomId, pageSize }, { signal });
    // After the page: what came between is applied twice, and is the same twice.
    await kept.ask(signal);
    signal.throwIfAborted();
    timeline.begin(page.events);
    for (const event of page.events) outbox.settle(event);
    early = undefined;
    status = "ready";
    error = undefined;
    for (const event of events) if (event.seq > timeline.newest) apply(event);
    deps.knowHead(roomId, timeline.newest);
    state.invalidate();
  }

  function start(): void {
    if (status !== "gone") life.start(begin);
  }

  function apply(event: TimelineEvent): void {
    if (event.seq <= timeline.newest) return;
    if (!timeline.append(event)) {
      restart();
      return;
    }
    kept.event(event, life.signal);
    if (event.body.case === "messagePosted") {
      typing.stopped(event.actorId);
      if (event.body.value.replyToSeq !== undefined) void pages.quote(life.signal);
    }
    if (timeline.remembered > maxRemembered && !timeline.hasNewer && !timeline.isKept) restart();
    state.invalidate();
  }

  function restart(): void {
    life.giveUp();
    const wereLoaded = members.isLoaded;
    // Those that are being loaded are begun anew by that.
    members.clear();
    // Whoever shows them goes on showing them.
    if (wereLoaded && holders > 0) members.load().catch(() => {});
    if (holders > 0) start();
    else if (status !== "gone") status = "loading";
  }

  function leave(): void {
    status = "gone";
    typing.clear();
    state.invalidate();
  }

  /** Pages for what was shown until now are given up. */
  async function jump(options?: LoadOptions): Promise<void> {
    life.giveUp();
    await life.during(beginOnce, options);
  }

  const self: FedRoomStore = {
    roomId,
    state,
    get isHeld() {
      return holders > 0;
    },
    open() {
      holders += 1;
      if (holders === 1) {
        deps.onHeld(self);
        // What came while nobody held it wasn't told, and that one is in it again would be part of it.
        status = "loading";
        restart();
      }
      let isOpen = true;
      return () => {
        if (!isOpen) return;
        isOpen = false;
        holders -= 1;
        if (holders === 0) restart();
      };
    },
    loadOlder: oneAtATime((options) => life.during(pages.older, options)),
    loadNewer: oneAtATime((options) => life.during(pages.newer, options)),
    keepFrom: timeline.keepFrom,
    jumpToLatest: oneAtATime(async (options) => {
      if (timeline.hasNewer) await jump(options);
      else timeline.keepFrom(undefined);
    }),
    loadMembers: (options) => members.load(options?.signal),
    ...createRoomActions(roomId, deps),
    markRead(seq = timeline.newest) {
      if (seq > (deps.numbers(roomId)?.readSeq ?? 0n)) deps.markRead(roomId, seq);
    },
    event(event) {
      if (holders === 0) return;
      if (status === "gone") {
        // One is in it again.
        status = "loading";
        return restart();
      }
      // Whether or not the timeline's newest page has it already: the members' pages may be from before.
      members.event(event);
      early?.push(event);
      if (status === "ready" && !early) apply(event);
    },
    reset() {
      if (holders > 0) restart();
    },
    gone() {
      if (holders === 0) return;
      life.giveUp();
      leave();
    },
    typed(userId) {
      if (holders > 0 && userId !== deps.userId()) typing.saw(userId);
    },
    invalidate: state.invalidate,
    connected() {
      if (holders > 0 && status !== "ready" && status !== "gone" && (status === "failed" || !life.isLoading))
        restart();
    },
    stop() {
      if (status !== "ready" && life.isLoading) life.giveUp();
    },
    clear() {
      status = "loading";
      error = undefined;
      kept.clear();
      members.clear();
      typing.clear();
      timeline.begin([]);
      restart();
      state.invalidate();
    },
  };
  return self;
}
