import { createId } from "./ids.ts";
import { createLocks, type Locks } from "./locks.ts";
import type { ParleyStorage, StorageMessage } from "./storage.ts";

/** A storage with all that one may leave out. */
export interface LockingStorage extends Required<ParleyStorage> {
  /** Hears the others again. They are heard from the beginning. */
  attach(): void;
  /** Hears nothing until `attach`, and holds the storage by nothing. */
  detach(): void;
}

/** By storage: all clients of the process that share one are kept apart. */
const locksOf = new WeakMap<ParleyStorage, Locks>();

export function completeStorage(storage: ParleyStorage): LockingStorage {
  const locks = locksOf.get(storage) ?? createLocks();
  locksOf.set(storage, locks);
  /** Names this client, which knows already what it announces. */
  const sender = createId();
  const listeners = new Set<(message: StorageMessage) => void>();
  let stopListening: (() => void) | undefined;

  function attach(): void {
    stopListening ??= storage.listen?.((message) => {
      if (message.sender !== sender) for (const listener of [...listeners]) listener(message);
    });
  }

  attach();
  return {
    get: (key) => storage.get(key),
    set: (key, value) => storage.set(key, value),
    delete: (key) => storage.delete(key),
    entries: (prefix) => storage.entries(prefix),
    lock: (name, work) => (storage.lock ? storage.lock(name, work) : locks.run(name, work)),
    announce: (message) => storage.announce?.({ ...message, sender }),
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    attach,
    detach() {
      stopListening?.();
      stopListening = undefined;
    },
  };
}
