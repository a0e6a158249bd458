import type { ParleyStorage } from "./storage.ts";

/** The first storage; the second from the beginning if the first turns out not to work at all, as where it is forbidden. */
export function createFallbackStorage(first: ParleyStorage, second: ParleyStorage): ParleyStorage {
  let chosen = first;
  let isProven = false;

  async function use<T>(work: (storage: ParleyStorage) => Promise<T>): Promise<T> {
    const asked = chosen;
    try {
      const value = await work(asked);
      isProven = true;
      return value;
    } catch (error) {
      if (isProven && chosen === asked) throw error;
      chosen = second;
      isProven = true;
      return work(second);
    }
  }

  return {
    get: (key) => use((storage) => storage.get(key)),
    set: (key, value) => use((storage) => storage.set(key, value)),
    delete: (key) => use((storage) => storage.delete(key)),
    entries: (prefix) => use((storage) => storage.entries(prefix)),
    ...(first.lock && { lock: first.lock }),
    ...(first.announce && { announce: first.announce }),
    ...(first.listen && { listen: first.listen }),
  };
}
