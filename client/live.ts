import type { MessageService } from "#gen/parley/message/v1/message_service_pb.js";
import type { Ready, ServerFrame } from "#gen/parley/realtime/v1/frames_pb.js";
import type { RoomService } from "#gen/parley/room/v1/room_service_pb.js";
import type { Client } from "./connect-protocol.ts";
import type { RealtimeConnection } from "./connection.ts";
import type { Greeting } from "./frames.ts";
import { createInbox } from "./inbox.ts";
import { createListeners } from "./listeners.ts";
import { createLiveLogs } from "./live-logs.ts";
import { createNamedInvitations } from "./named-invitations.ts";
import type { Observable } from "./observable.ts";
import { createOutbox } from "./outbox.ts";
import type { OutboxEntry } from "./outbox-entry.ts";
import { createReadMarks } from "./read-marks.ts";
import { createRoomStores } from "./room-stores.ts";
import type { SessionKeeper } from "./session.ts";
import type { LockingStorage } from "./storage-locks.ts";
import type { Inbox, NamedInvitation, Parley } from "./types.ts";
import type { Users } from "./users.ts";

/** All that lives by the connection, of one person at a time: it is emptied when another one signs in. */
export interface Live extends Pick<Parley, "room" | "on"> {
  readonly inbox: Observable<Inbox>;
  readonly invitations: Observable<readonly NamedInvitation[]>;
  greeting(signal: AbortSignal): Promise<Greeting>;
  begin(ready: Ready, signal: AbortSignal, areAllNamed: boolean): void;
  take(frame: ServerFrame): void;
  /** No connection is to come for now. */
  stop(): void;
  forgetUnsent(userId: string): Promise<void>;
}

export interface LiveDeps {
  readonly storage: LockingStorage;
  readonly session: SessionKeeper;
  readonly connection: RealtimeConnection;
  readonly messages: Client<typeof MessageService>;
  readonly rooms: Client<typeof RoomService>;
  readonly people: Users;
}

const sendTimeoutMs = 30_000;
/** How far back in the feed invitations are looked for. */
const feedLookBack = 1_000n;
const pageSize = 200;

export function createLive(deps: LiveDeps): Live {
  const { storage, session, connection, messages, rooms, people } = deps;
  const listeners = createListeners();
  const invitations = createNamedInvitations();
  const marks = createReadMarks(messages, (roomId) => inbox.told(roomId));
  let person: string | undefined;
  let hasLookedBack = false;
  const userId = () => person;

  const logs = createLiveLogs({
    messages,
    userId,
    wantsAll: () => listeners.has("event"),
    sink: {
      event(event) {
        inbox.event(event);
        outbox.settle(event);
        stores.of(event.roomId)?.event(event);
        listeners.tell("event", event);
      },
      feed(entry) {
        invitations.take(entry);
        inbox.feed(entry);
        listeners.tell("feed", entry);
      },
      signal(signal) {
        if (signal.kind.case === "typing") stores.of(signal.roomId)?.typed(signal.userId);
        listeners.tell("signal", signal);
      },
      reset(roomId) {
        inbox.refresh(roomId);
        if (roomId !== undefined) stores.of(roomId)?.reset();
        listeners.tell("reset", roomId);
      },
      gone(roomId) {
        inbox.gone(roomId);
        stores.of(roomId)?.gone();
      },
    },
  });
  const inbox = createInbox({ messages, rooms, users: people, userId, knowHead: logs.knowHead });
  const outbox = createOutbox({
    storage,
    deliver,
    onChange: (roomId) => stores.of(roomId)?.invalidate(),
  });
  const stores = createRoomStores({
    messages,
    rooms,
    outbox,
    userId,
    numbers: inbox.numbers,
    knowHead: logs.knowHead,
    markRead(roomId, seq) {
      inbox.read(roomId, seq, false);
      stores.of(roomId)?.invalidate();
      marks.mark(roomId, seq);
    },
    tellTyping: (roomId) => connection.tell({ case: "typing", value: { roomId } }),
  });
  inbox.state.subscribe(() => {
    for (const store of stores.held()) store.invalidate();
  });
  session.state.subscribe(settlePerson);

  async function deliver({ roomId, clientId, text, replyToSeq }: OutboxEntry): Promise<bigint> {
    const reply = replyToSeq === undefined ? {} : { replyToSeq: BigInt(replyToSeq) };
    const request = { roomId, clientId, text, ...reply };
    if (connection.isTwoWay) return (await connection.request({ case: "send", value: request })).seq;
    return (await messages.sendMessage(request, { timeoutMs: sendTimeoutMs })).message!.seq;
  }

  /** Everything belongs to one person: with another, or none, it begins anew. */
  function settlePerson(): void {
    const state = session.state.get();
    const next = state.status === "signedIn" ? state.user.userId : undefined;
    if (state.status === "signedIn") people.learn(state.user);
    if (next === person) return;
    person = next;
    hasLookedBack = false;
    logs.clear();
    inbox.clear();
    people.clear();
    invitations.clear();
    marks.clear();
    outbox.open(next);
    stores.clear();
  }

  /** Invitations that came before this client was there. */
  async function lookBack(feedSeq: bigint, signal: AbortSignal): Promise<void> {
    let afterSeq = feedSeq > feedLookBack ? feedSeq - feedLookBack : 0n;
    while (afterSeq < feedSeq && !signal.aborted) {
      const page = await messages.listFeed({ afterSeq, pageSize }, { signal });
      if (signal.aborted) return;
      for (const entry of page.entries) if (entry.seq <= feedSeq) invitations.take(entry);
      if (!page.hasMore) break;
      afterSeq = page.entries.at(-1)?.seq ?? feedSeq;
    }
    hasLookedBack = true;
  }

  return {
    inbox: inbox.state,
    invitations: invitations.state,
    room: stores.room,
    on: listeners.on,
    async greeting(signal) {
      settlePerson();
      await inbox.load(signal);
      return logs.greeting();
    },
    begin(ready, signal, areAllNamed) {
      logs.begin(ready, signal, areAllNamed);
      if (!areAllNamed) inbox.compare();
      inbox.connected();
      marks.connected();
      people.connected();
      outbox.begin(signal);
      if (!hasLookedBack) void lookBack(ready.feedSeq, signal).catch(() => {});
      for (const store of stores.held()) store.connected();
    },
    take: logs.take,
    stop() {
      marks.stop();
      for (const store of stores.held()) store.stop();
    },
    forgetUnsent: outbox.forget,
  };
}
