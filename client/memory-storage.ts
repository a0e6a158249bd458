import { createLocks } from "./locks.ts";
import type { ParleyStorage, StorageMessage } from "./storage.ts";

/** Keeps everything until the process ends. Clients that are given the same one share it. */
export function createMemoryStorage(): ParleyStorage {
  const values = new Map<string, unknown>();
  const listeners = new Set<(message: StorageMessage) => void>();
  const locks = createLocks();
  return {
    get: async (key) => values.get(key),
    async set(key, value) {
      values.set(key, value);
    },
    async delete(key) {
      values.delete(key);
    },
    async entries(prefix) {
      const found = [...values].filter(([key]) => key.startsWith(prefix));
      return found.sort(([a], [b]) => (a < b ? -1 : 1));
    },
    lock: locks.run,
    announce(message) {
      for (const listener of [...listeners]) queueMicrotask(() => listener(message));
    },
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
