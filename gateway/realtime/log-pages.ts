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

export function createLogPages(deps: {
  read(roomId: string, after: number, limit: number): Promise<readonly NumberedFrame[]>;
  /** Pages kept. */
  capacity: number;
}): LogPages {
  const kept = new Map<string, Map<number, Promise<readonly NumberedFrame[]>>>();
  let count = 0;

  /** Rooms are in the order of their first page read: the oldest room goes as a whole. */
  function makeRoom(): void {
    for (const [roomId, pages] of kept) {
      if (count < deps.capacity) return;
      kept.delete(roomId);
      count -= pages.size;
    }
  }

  function drop(roomId: string, start: number, page: Promise<readonly NumberedFrame[]>): void {
    const pages = kept.get(roomId);
    if (pages?.get(start) !== page) return;
    pages.delete(start);
    count--;
    if (pages.size === 0) kept.delete(roomId);
  }

  return {
    read(roomId, after) {
      const start = Math.floor(after / pageSize) * pageSize;
      const known = kept.get(roomId)?.get(start);
      if (known !== undefined) return known;
      makeRoom();
      const page = deps.read(roomId, start, pageSize);
      let pages = kept.get(roomId);
      if (!pages) {
        pages = new Map();
        kept.set(roomId, pages);
      }
      pages.set(start, page);
      count++;
      page.then(
        (frames) => {
          if (frames.length < pageSize) drop(roomId, start, page);
        },
        () => drop(roomId, start, page),
      );
      return page;
    },
    forget(roomId) {
      const pages = kept.get(roomId);
      if (!pages) return;
      kept.delete(roomId);
      count -= pages.size;
    },
  };
}
