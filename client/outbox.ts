import type { TimelineEvent } from "#gen/parley/message/v1/timeline_pb.js";
import { pause } from "./abort.ts";
import { backoffMs } from "./backoff.ts";
import { Code } from "./code.ts";
import { isSessionError, ParleyError, toParleyError } from "./errors.ts";
import { createEntryKeys, createId } from "./ids.ts";
import type { LockingStorage } from "./storage-locks.ts";
import type { OutgoingMessage } from "./types.ts";

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
  close(): void;
}

/** As it is stored. */
export interface OutboxEntry {
  readonly clientId: string;
  readonly roomId: string;
  readonly text: string;
  /** A bigint in digits. */
  readonly replyToSeq?: string;
  /** In ms since 1970. */
  readonly createdAt: number;
  /** Why it failed; absent while it is to be sent. */
  readonly failure?: { readonly reason: string; readonly code: Code; readonly message: string };
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
  const draining = new Set<string>();
  const again = new Set<string>();
  const keys = createEntryKeys();
  let userId: string | undefined;
  let connected: AbortSignal | undefined;

  const prefixOf = (owner: string, roomId = "") => `outbox/${owner}/${roomId === "" ? "" : `${roomId}/`}`;
  const canSend = () => userId !== undefined && connected !== undefined && !connected.aborted;
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
    const before = new Set([...rooms].flatMap(([, room]) => [...room.values()]));
    const stored = await storage.entries(prefixOf(owner, roomId));
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

  const stopListening = storage.listen((message) => {
    const { type, roomId, clientId, seq } = message;
    if (type !== "outbox" || message.userId !== userId || typeof roomId !== "string") return;
    if (typeof clientId === "string" && typeof seq === "string") markSent(roomId, clientId, BigInt(seq));
    else
      void load(message.userId as string, roomId)
        .then(() => drain(roomId))
        .catch(() => {});
  });

  function markSent(roomId: string, clientId: string, seq: bigint): void {
    const kept = keptOf(roomId, clientId);
    if (!kept || kept.sentSeq !== undefined) return;
    if (seq <= (passed.get(roomId) ?? 0n)) {
      drop(roomId, clientId);
      return;
    }
    kept.sentSeq = seq;
    delete kept.shown;
    onChange(roomId);
  }
  /** By room, the last seq that the timeline is known to have. */
  const passed = new Map<string, bigint>();

  function drain(roomId: string): void {
    if (!canSend()) return;
    if (draining.has(roomId)) {
      again.add(roomId);
      return;
    }
    draining.add(roomId);
    const owner = userId!;
    void storage
      .lock(`outbox/${owner}/${roomId}`, () => drainAlone(owner, roomId))
      .catch(() => {
        // The storage fails: what is pending stays so until the next connection or message.
      })
      .finally(() => {
        draining.delete(roomId);
        if (again.delete(roomId)) drain(roomId);
      });
  }

  async function drainAlone(owner: string, roomId: string): Promise<void> {
    while (canSend() && userId === owner) {
      const stored = await storage.entries(prefixOf(owner, roomId));
      const pending = stored.filter(([, entry]) => !(entry as OutboxEntry).failure);
      if (pending.length === 0) return;
      for (const [key, value] of pending) {
        if (!(await sendOne(owner, key, value as OutboxEntry))) return;
      }
    }
  }

  /** False if nothing can be sent now. */
  async function sendOne(owner: string, key: string, entry: OutboxEntry): Promise<boolean> {
    const { roomId, clientId } = entry;
    for (let failures = 0; canSend() && userId === owner; ) {
      // It may have been discarded, or its event may have come, while those before it were sent.
      if ((await storage.get(key)) === undefined) return true;
      // Someone else may be signed in by now.
      if (userId !== owner) return false;
      try {
        const seq = await deliver(entry);
        await storage.delete(key);
        markSent(roomId, clientId, seq);
        tell(roomId, { clientId, seq: String(seq) });
        return true;
      } catch (reason) {
        const error = toParleyError(reason);
        if (isFinal(error)) {
          await fail(key, entry, error);
          return true;
        }
        if (isSessionError(error) || error.reason === "SIGNED_OUT") return false;
        failures += 1;
        await pause(Math.max(error.retryAfter ?? 0, backoffMs(failures)), connected);
      }
    }
    return false;
  }

  async function fail(key: string, entry: OutboxEntry, error: ParleyError): Promise<void> {
    const { reason, code, message } = error;
    const failed = { ...entry, failure: { reason, code, message } };
    if ((await storage.get(key)) === undefined) return;
    await storage.set(key, failed);
    if (keptOf(entry.roomId, entry.clientId)?.sentSeq === undefined)
      keep({ key, entry: failed, written: Promise.resolve() });
    tell(entry.roomId);
  }

  function put(kept: Kept): void {
    keep(kept);
    kept.written.then(
      () => {
        tell(kept.entry.roomId);
        drain(kept.entry.roomId);
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
    kept.shown ??= shownOf(kept);
    return kept.shown;
  }

  return {
    of: (roomId) => sorted(rooms.get(roomId)).map(show),
    send(roomId, text, replyToSeq) {
      if (userId === undefined) throw new ParleyError("nobody is signed in", signedOut);
      const entry: OutboxEntry = {
        clientId: createId(),
        roomId,
        text,
        createdAt: Date.now(),
        ...(replyToSeq !== undefined && { replyToSeq: String(replyToSeq) }),
      };
      const key = `${prefixOf(userId, roomId)}${keys.next()}`;
      const kept: Kept = { key, entry, written: storage.set(key, entry) };
      put(kept);
      return show(kept);
    },
    retry(roomId, clientId) {
      const kept = keptOf(roomId, clientId);
      if (!kept?.entry.failure) return;
      const { failure: _, ...entry } = kept.entry;
      // Behind what was written since, which may have been sent by now.
      const key = `${prefixOf(userId ?? "", roomId)}${keys.next()}`;
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
      connected = signal;
      const owner = userId;
      if (owner === undefined) return;
      void load(owner)
        .then(() => {
          for (const roomId of rooms.keys()) drain(roomId);
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
      for (const [key] of await storage.entries(prefixOf(owner))) await storage.delete(key);
    },
    close: stopListening,
  };
}

const signedOut = { reason: "SIGNED_OUT", code: Code.Unauthenticated };

/** Asking again would be answered the same: what was sent, or who sent it, is at fault. */
function isFinal(error: ParleyError): boolean {
  if (isSessionError(error) || error.reason === "SIGNED_OUT" || error.reason === "RATE_LIMITED") return false;
  return (
    error.code === Code.InvalidArgument ||
    error.code === Code.NotFound ||
    error.code === Code.AlreadyExists ||
    error.code === Code.PermissionDenied ||
    error.code === Code.FailedPrecondition ||
    error.code === Code.OutOfRange ||
    error.code === Code.Unimplemented ||
    error.reason === "PAYLOAD_TOO_LARGE"
  );
}

function sorted(room: Map<string, Kept> | undefined): Kept[] {
  return [...(room?.values() ?? [])].sort((a, b) => (a.key < b.key ? -1 : 1));
}

function shownOf({ entry, sentSeq }: Kept): OutgoingMessage {
  const { clientId, roomId, text, replyToSeq, createdAt, failure } = entry;
  const state = sentSeq !== undefined ? "sent" : failure ? "failed" : "pending";
  return {
    clientId,
    roomId,
    text,
    createdAt: new Date(createdAt),
    state,
    ...(replyToSeq !== undefined && { replyToSeq: BigInt(replyToSeq) }),
    ...(failure && state === "failed" && { error: new ParleyError(failure.message, failure) }),
  };
}
