import type { TimelineEvent } from "#gen/parley/message/v1/timeline_pb.js";
import { Code } from "./code.ts";
import { signedOutError, toParleyError } from "./errors.ts";
import { createEntryKeys, createId } from "./ids.ts";
import { type OutboxEntry, outboxPrefix, outgoingMessage } from "./outbox-entry.ts";
import { createOutboxSender } from "./outbox-sender.ts";
import type { OutgoingMessage } from "./room-types.ts";
import type { LockingStorage } from "./storage-locks.ts";

/**
 * Messages on their way. Each is in the storage from before it is sent until the server has it, so it outlives the
 * process; the client id makes that the server has it once. Per room they are sent one after the other, in the order in
 * which they were written, by whichever of the clients that share the storage holds the room's lock: also those of
 * a tab that is gone.
 */
export interface Outbox {
  /** In order. */
  of(roomId: string): readonly OutgoingMessage[];
  send(roomId: string, text: string, replyToSeq: bigint | undefined): OutgoingMessage;
  retry(roomId: string, clientId: string): void;
  discard(roomId: string, clientId: string): void;
  /** An event that the timeline has. */
  settle(event: TimelineEvent): void;
  /** The timeline is known up to here by other ways than its events. */
  passed(roomId: string, seq: bigint): void;
  /** One can send now, until the signal. */
  begin(signal: AbortSignal): void;
  /** Whose it is from now on. */
  open(userId: string | undefined): void;
  /** Forgets all that this person has not sent. */
  forget(userId: string): Promise<void>;
}

export interface OutboxDeps {
  readonly storage: LockingStorage;
  /** Sends; the seq of the message. */
  deliver(entry: OutboxEntry): Promise<bigint>;
  onChange(roomId: string): void;
}

interface Kept {
  readonly key: string;
  readonly entry: OutboxEntry;
  /** What it is once the server has it. */
  sentSeq?: bigint;
  /** When it is in the storage. */
  readonly written: Promise<unknown>;
  shown?: OutgoingMessage;
}

const maxDone = 1_000;

export function createOutbox({ storage, deliver, onChange }: OutboxDeps): Outbox {
  /** By room, then by client id. */
  const rooms = new Map<string, Map<string, Kept>>();
  /** Client ids of the last that were done with: what was read from the storage before is no news. */
  const done = new Set<string>();
  /** By room, the last seq that the timeline is known to have. */
  const passed = new Map<string, bigint>();
  const keys = createEntryKeys();
  let userId: string | undefined;
  const sender = createOutboxSender({
    storage,
    deliver,
    userId: () => userId,
    sent({ roomId, clientId }, seq) {
      markSent(roomId, clientId, seq);
      tell(roomId, { clientId, seq: String(seq) });
    },
    failed(key, entry) {
      const { roomId, clientId } = entry;
      if (keptOf(roomId, clientId)?.sentSeq === undefined) keep({ key, entry, written: Promise.resolve() });
      tell(roomId);
    },
  });

  const keptOf = (roomId: string, clientId: string) => rooms.get(roomId)?.get(clientId);

  function keep(kept: Kept): void {
    const room = rooms.get(kept.entry.roomId) ?? new Map<string, Kept>();
    rooms.set(kept.entry.roomId, room);
    room.set(kept.entry.clientId, kept);
    onChange(kept.entry.roomId);
  }

  function drop(roomId: string, clientId: string): void {
    const room = rooms.get(roomId);
    if (!room?.delete(clientId)) return;
    done.add(clientId);
    if (done.size > maxDone) done.delete(done.values().next().value!);
    if (room.size === 0) rooms.delete(roomId);
    onChange(roomId);
  }

  const tell = (roomId: string, more: object = {}) =>
    storage.announce({ type: "outbox", userId: userId ?? "", roomId, ...more });

  /** From the storage, once it is there: what isn't known yet, and what became of the rest. */
  async function load(owner: string, roomId?: string): Promise<void> {
    const before = [...rooms.values()].flatMap((room) => [...room.values()]);
    const stored = await storage.entries(outboxPrefix(owner, roomId));
    if (userId !== owner) return;
    const there = new Set<string>();
    for (const [key, value] of stored) {
      const entry = value as OutboxEntry;
      there.add(entry.clientId);
      if (done.has(entry.clientId)) continue;
      const known = keptOf(entry.roomId, entry.clientId);
      if (!known || (known.sentSeq === undefined && known.entry.failure?.reason !== entry.failure?.reason))
        keep({ key, entry, written: Promise.resolve() });
    }
    for (const { entry, sentSeq } of before) {
      const isMeant = roomId === undefined || entry.roomId === roomId;
      if (isMeant && sentSeq === undefined && !there.has(entry.clientId)) await vanished(entry, owner);
    }
  }

  /** Another tab sent or discarded it, unless it is on its way into the storage. */
  async function vanished({ roomId, clientId }: OutboxEntry, owner: string): Promise<void> {
    const kept = keptOf(roomId, clientId);
    if (!kept) return;
    await kept.written.catch(() => {});
    if ((await storage.get(kept.key)) !== undefined || userId !== owner) return;
    if (keptOf(roomId, clientId) === kept && kept.sentSeq === undefined && !kept.entry.failure)
      drop(roomId, clientId);
  }

  storage.listen((message) => {
    const { type, roomId, clientId, seq } = message;
    if (type !== "outbox" || message.userId !== userId || typeof roomId !== "string") return;
    if (typeof clientId === "string" && typeof seq === "string") markSent(roomId, clientId, BigInt(seq));
    else
      void load(message.userId as string, roomId)
        .then(() => sender.drain(roomId))
        .catch(() => {});
  });

  function markSent(roomId: string, clientId: string, seq: bigint): void {
    const kept = keptOf(roomId, clientId);
    if (!kept || kept.sentSeq !== undefined) return;
    kept.sentSeq = seq;
    delete kept.shown;
    if (seq <= (passed.get(roomId) ?? 0n)) drop(roomId, clientId);
    else onChange(roomId);
  }

  function put(kept: Kept): void {
    keep(kept);
    kept.written.then(
      () => {
        tell(kept.entry.roomId);
        sender.drain(kept.entry.roomId);
      },
      (reason) => {
        const error = toParleyError(reason);
        const failure = { reason: "STORAGE_FAILED", code: Code.Internal, message: error.message };
        const { key, entry, written } = kept;
        keep({ key, written, entry: { ...entry, failure } });
      },
    );
  }

  function show(kept: Kept): OutgoingMessage {
    kept.shown ??= outgoingMessage(kept.entry, kept.sentSeq);
    return kept.shown;
  }

  return {
    of: (roomId) => [...(rooms.get(roomId)?.values() ?? [])].sort(byKey).map(show),
    send(roomId, text, replyToSeq) {
      if (userId === undefined) throw signedOutError();
      const entry: OutboxEntry = {
        clientId: createId(),
        roomId,
        text,
        createdAt: Date.now(),
        ...(replyToSeq !== undefined && { replyToSeq: String(replyToSeq) }),
      };
      const key = `${outboxPrefix(userId, roomId)}${keys.next()}`;
      const kept: Kept = { key, entry, written: storage.set(key, entry) };
      put(kept);
      return show(kept);
    },
    retry(roomId, clientId) {
      const kept = keptOf(roomId, clientId);
      if (!kept?.entry.failure) return;
      const { failure: _, ...entry } = kept.entry;
      // Behind what was written since, which may have been sent by now.
      const key = `${outboxPrefix(userId ?? "", roomId)}${keys.next()}`;
      const written = storage.set(key, entry).then(() => storage.delete(kept.key));
      put({ key, entry, written });
    },
    discard(roomId, clientId) {
      const kept = keptOf(roomId, clientId);
      if (!kept || kept.sentSeq !== undefined) return;
      drop(roomId, clientId);
      void kept.written
        .then(() => storage.delete(kept.key))
        .then(() => tell(roomId))
        .catch(() => {});
    },
    settle({ roomId, seq, actorId, body }) {
      if (body.case === "messagePosted" && actorId === userId) {
        const kept = keptOf(roomId, body.value.clientId);
        if (kept) {
          drop(roomId, kept.entry.clientId);
          if (kept.sentSeq === undefined)
            void kept.written.then(() => storage.delete(kept.key)).catch(() => {});
        }
      }
      this.passed(roomId, seq);
    },
    passed(roomId, seq) {
      if (seq <= (passed.get(roomId) ?? -1n)) return;
      passed.set(roomId, seq);
      for (const { entry, sentSeq } of rooms.get(roomId)?.values() ?? []) {
        if (sentSeq !== undefined && sentSeq <= seq) drop(roomId, entry.clientId);
        // They are sent in their order: those behind it aren't sent yet.
        else if (sentSeq === undefined && !entry.failure) break;
      }
    },
    begin(signal) {
      sender.begin(signal);
      const owner = userId;
      if (owner === undefined) return;
      void load(owner)
        .then(() => {
          for (const roomId of rooms.keys()) sender.drain(roomId);
        })
        .catch(() => {});
    },
    open(owner) {
      if (owner === userId) return;
      userId = owner;
      const known = [...rooms.keys()];
      rooms.clear();
      passed.clear();
      for (const roomId of known) onChange(roomId);
      if (owner !== undefined) void load(owner).catch(() => {});
    },
    async forget(owner) {
      for (const [key] of await storage.entries(outboxPrefix(owner))) await storage.delete(key);
    },
  };
}

const byKey = (a: Kept, b: Kept) => (a.key < b.key ? -1 : 1);
