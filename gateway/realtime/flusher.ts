import type { Connection } from "./connection.ts";

/** Gathers the connections written to in one turn of the event loop, and flushes them together at its end. */
export interface Flusher {
  mark(connection: Connection): void;
}

export function createFlusher(): Flusher {
  let dirty: Connection[] = [];
  const flush = () => {
    const connections = dirty;
    dirty = [];
    for (const connection of connections) connection.flush();
  };
  return {
    mark(connection) {
      if (dirty.push(connection) === 1) setImmediate(flush);
    },
  };
}
