import { callSafely } from "./observable.ts";
import type { Parley } from "./types.ts";

type Type = "event" | "feed" | "signal" | "reset";

/** Who wants to hear everything. */
export interface Listeners {
  readonly on: Parley["on"];
  has(type: Type): boolean;
  tell(type: Type, what: unknown): void;
}

export function createListeners(): Listeners {
  const byType = new Map<Type, Set<(what: never) => void>>();
  return {
    on(type: Type, listener: (what: never) => void) {
      const all = byType.get(type) ?? new Set();
      byType.set(type, all);
      const mine = (what: never) => listener(what);
      all.add(mine);
      return () => void all.delete(mine);
    },
    has: (type) => (byType.get(type)?.size ?? 0) > 0,
    tell(type, what) {
      for (const listener of byType.get(type) ?? []) callSafely(listener as (what: unknown) => void, what);
    },
  };
}
