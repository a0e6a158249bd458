/**
 * Which watcher is interested in which room or person. Lookups are on the way of every event, changes are rare.
 * A key that no one is interested in takes no memory.
 */
export interface InterestIndex<W> {
  add(key: string, watcher: W): void;
  remove(key: string, watcher: W): void;
  /** Those interested; undefined if there are none. Not to be kept or changed. */
  of(key: string): ReadonlySet<W> | undefined;
  /** How many keys someone is interested in. */
  readonly size: number;
}

export function createInterestIndex<W>(): InterestIndex<W> {
  const watchers = new Map<string, Set<W>>();
  return {
    add(key, watcher) {
      const of = watchers.get(key);
      if (of) of.add(watcher);
      else watchers.set(key, new Set([watcher]));
    },
    remove(key, watcher) {
      const of = watchers.get(key);
      if (!of?.delete(watcher)) return;
      if (of.size === 0) watchers.delete(key);
    },
    of: (key) => watchers.get(key),
    get size() {
      return watchers.size;
    },
  };
}
