import { createId } from "./ids.ts";
import { createLocks, type Locks } from "./locks.ts";
import type { ParleyStorage } from "./storage.ts";

/** A storage with all that one may leave out. To close it is its owner's. */
export type LockingStorage = Required<Omit<ParleyStorage, "close">>;

/** By storage: all clients of the process that share one are kept apart. */
const locksOf = new WeakMap<ParleyStorage, Locks>();

export function completeStorage(storage: ParleyStorage): LockingStorage {
  const locks = locksOf.get(storage) ?? createLocks();
  locksOf.set(storage, locks);
  /** Names this client, which knows already what it announces. */
  const sender = createId();
  return {
    get: (key) => storage.get(key),
    set: (key, value) => storage.set(key, value),
    delete: (key) => storage.delete(key),
    entries: (prefix) => storage.entries(prefix),
    lock: (name, work) => (storage.lock ? storage.lock(name, work) : locks.run(name, work)),
    announce: (message) => storage.announce?.({ ...message, sender }),
    listen: (listener) =>
      storage.listen?.((message) => {
        if (message.sender !== sender) listener(message);
      }) ?? (() => {}),
  };
}
