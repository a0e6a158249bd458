import type { Caller } from "../auth.ts";

/**
 * Whose tokens are, for tokens that were verified. Bounded by two generations: a new or used token is in the young one;
 * when that is full it becomes the old one, and what nobody used since then goes.
 */
export interface TokenCache {
  get(token: string): Caller | undefined;
  add(caller: Caller): void;
}

/** `limit` is how many tokens are kept at most. */
export function createTokenCache(limit: number): TokenCache {
  let young = new Map<string, Caller>();
  let old = new Map<string, Caller>();

  function add(caller: Caller): void {
    if (young.size >= limit / 2) {
      old = young;
      young = new Map();
    }
    young.set(caller.token, caller);
  }

  return {
    add,
    get(token) {
      const recent = young.get(token);
      if (recent !== undefined) return recent;
      const caller = old.get(token);
      if (caller !== undefined) add(caller);
      return caller;
    },
  };
}
