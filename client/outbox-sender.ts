import { pause } from "./abort.ts";
import { backoffMs } from "./backoff.ts";
import { Code } from "./code.ts";
import { isSessionError, type ParleyError, toParleyError } from "./errors.ts";
import { type OutboxEntry, outboxPrefix } from "./outbox-entry.ts";
import type { LockingStorage } from "./storage-locks.ts";

/**
 * Sends what the storage has, room by room. It goes by the storage alone, under the room's lock: so it also sends what
 * other tabs wrote, and of those that share the storage one sends at a time.
 */
export interface OutboxSender {
  /** One can send now, until the signal. */
  begin(signal: AbortSignal): void;
  /** Sends all that is pending in the room, in order. Nothing happens while one can't send. */
  drain(roomId: string): void;
}

export interface OutboxSenderDeps {
  readonly storage: LockingStorage;
  /** Whose messages are sent. */
  userId(): string | undefined;
  /** Sends; the seq of the message. */
  deliver(entry: OutboxEntry): Promise<bigint>;
  /** The server has it, and the storage no longer. */
  sent(entry: OutboxEntry, seq: bigint): void;
  /** The server refused it for good: the entry says why, and is in the storage. */
  failed(key: string, entry: OutboxEntry): void;
}

export function createOutboxSender(deps: OutboxSenderDeps): OutboxSender {
  const { storage, userId, deliver, sent, failed } = deps;
  const draining = new Set<string>();
  const again = new Set<string>();
  let connected: AbortSignal | undefined;

  const isConnected = () => connected !== undefined && !connected.aborted;
  const canSendFor = (owner: string) => isConnected() && userId() === owner;

  function drain(roomId: string): void {
    const owner = userId();
    if (owner === undefined || !isConnected()) return;
    if (draining.has(roomId)) {
      again.add(roomId);
      return;
    }
    draining.add(roomId);
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
    while (canSendFor(owner)) {
      const stored = await storage.entries(outboxPrefix(owner, roomId));
      const pending = stored.filter(([, entry]) => !(entry as OutboxEntry).failure);
      if (pending.length === 0) return;
      for (const [key, value] of pending) {
        if (!(await sendOne(owner, key, value as OutboxEntry))) return;
      }
    }
  }

  /** False if nothing can be sent now. */
  async function sendOne(owner: string, key: string, entry: OutboxEntry): Promise<boolean> {
    for (let failures = 0; canSendFor(owner); ) {
      // It may have been discarded, or its event may have come, while those before it were sent.
      if ((await storage.get(key)) === undefined) return true;
      // Someone else may be signed in by now.
      if (userId() !== owner) return false;
      try {
        const seq = await deliver(entry);
        await storage.delete(key);
        sent(entry, seq);
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
    const failure = { ...entry, failure: { reason, code, message } };
    if ((await storage.get(key)) === undefined) return;
    await storage.set(key, failure);
    failed(key, failure);
  }

  return {
    begin(signal) {
      connected = signal;
    },
    drain,
  };
}

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
