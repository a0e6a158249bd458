import { createRoomStore, type RoomStoreDeps } from "./room-store.ts";
import type { FedRoomStore, RoomStore } from "./room-types.ts";

/** The room stores that somebody has: one for each room. */
export interface RoomStores {
  room(roomId: string): RoomStore;
  /** If there is one. */
  of(roomId: string): FedRoomStore | undefined;
  held(): Iterable<FedRoomStore>;
  clear(): void;
}

export function createRoomStores(deps: Omit<RoomStoreDeps, "onHeld">): RoomStores {
  /** Those that are open; all others live as long as somebody has them. */
  const open = new Set<FedRoomStore>();
  const all = new Map<string, WeakRef<FedRoomStore>>();

  function of(roomId: string): FedRoomStore | undefined {
    const store = all.get(roomId)?.deref();
    if (!store) all.delete(roomId);
    return store;
  }

  function* held(): Iterable<FedRoomStore> {
    for (const store of open) {
      if (store.isHeld) yield store;
      else open.delete(store);
    }
  }

  return {
    room(roomId) {
      const known = of(roomId);
      if (known) return known;
      const store = createRoomStore(roomId, { ...deps, onHeld: (opened) => open.add(opened) });
      all.set(roomId, new WeakRef(store));
      return store;
    },
    of,
    held,
    clear() {
      for (const [roomId] of all) of(roomId)?.clear();
    },
  };
}
