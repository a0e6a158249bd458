import { afterEach, beforeEach, vi } from "vitest";
import { backoff } from "./test-connection.ts";
import { createTestStreams, type TestStream } from "./test-stream.ts";

/** What links of one test need. */
export interface LinkSetting {
  /** Ends what runs; at the latest with the test. */
  stop(): void;
  /** Aborts then. */
  readonly signal: AbortSignal;
  /** Until a stream is opened again, one turn; rejects once all is to end. */
  backoff(): Promise<void>;
}

/** For tests of links: intervals go on when the test says so, and what runs ends with each test. */
export function useLinkSetting(): LinkSetting {
  let ending = new AbortController();
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    ending = new AbortController();
  });
  afterEach(() => {
    ending.abort();
    vi.useRealTimers();
  });
  return {
    stop: () => ending.abort(),
    get signal() {
      return ending.signal;
    },
    async backoff() {
      const { signal } = ending;
      await backoff();
      signal.throwIfAborted();
    },
  };
}

/** Servers of one bidirectional method by the ids of their replicas, made when they are first called. */
export function createTestServers<Request, Response>() {
  const servers = new Map<string, ReturnType<typeof createTestStreams<Request, Response>>>();
  const serverOf = (id: string) => {
    const server = servers.get(id) ?? createTestStreams<Request, Response>();
    servers.set(id, server);
    return server;
  };
  return {
    serverOf,
    /** The last stream to a replica, or the nth. */
    streamOf: (id: string, nth = -1) => serverOf(id).streams.at(nth) as TestStream<Request, Response>,
  };
}
