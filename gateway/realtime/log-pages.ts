import type { NumberedFrame } from "./server-frame.ts";

/**
 * Pages of rooms' timelines, read once for everybody who catches up at the same time: ten thousand clients that come
 * back to one room cost one read a page. Pages begin at multiples of `pageSize`, so that cursors that differ by a few
 * still share them. Full pages are kept until the cache is full or a post of the room is erased; the page that holds the
 * head is shared only while it is being read.
 */
export interface LogPages {
  /** The page that holds `after + 1`; it may begin before that. */
  read(roomId: string, after: number): Promise<readonly NumberedFrame[]>;
  /** Forgets what was read of a room. */
  forget(roomId: string): void;
}

export const pageSize = 100;

type Page = readonly NumberedFrame[];

interface Kept {
  readonly page: Promise<Page>;
  /** About how many bytes it takes; 0 until it is read. */
  weight: number;
}

export function createLogPages(deps: {
  read(roomId: string, after: number, limit: number): Promise<Page>;
  /** About how many bytes the pages kept may take. */
  capacity: number;
}): LogPages {
  const kept = new Map<string, Map<number, Kept>>();
  let total = 0;

  /** Rooms are in the order of their first page read: the oldest room goes as a whole. */
  function makeRoom(): void {
    for (const roomId of kept.keys()) {
      if (total <= deps.capacity) return;
      forget(roomId);
    }
  }

  function forget(roomId: string): void {
    for (const { weight } of kept.get(roomId)?.values() ?? []) total -= weight;
    kept.delete(roomId);
  }

  function keep(roomId: string, start: number, page: Promise<Page>): void {
    const entry: Kept = { page, weight: 0 };
    const pages = kept.get(roomId) ?? new Map<number, Kept>();
    kept.set(roomId, pages.set(start, entry));
    // Forgotten or replaced while it was read, it is no longer the one that is kept.
    const isKept = () => kept.get(roomId)?.get(start) === entry;
    const drop = () => {
      if (!isKept()) return;
      pages.delete(start);
      if (pages.size === 0) kept.delete(roomId);
    };
    page.then((frames) => {
      if (frames.length < pageSize) return drop();
      if (!isKept()) return;
      entry.weight = frames.reduce((sum, frame) => sum + frame.weight, 0);
      total += entry.weight;
      makeRoom();
    }, drop);
  }

  return {
    read(roomId, after) {
      const start = Math.floor(after / pageSize) * pageSize;
      const known = kept.get(roomId)?.get(start);
      if (known !== undefined) return known.page;
      const page = deps.read(roomId, start, pageSize);
      keep(roomId, start, page);
      return page;
    },
    forget,
  };
}
