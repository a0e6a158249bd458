import type { Ack } from "#gen/parley/realtime/v1/frames_pb.js";
import { pause } from "./abort.ts";
import { backoffMs } from "./backoff.ts";
import { isSessionError, toParleyError, unavailableError } from "./errors.ts";
import type { ClientKind, Greeting } from "./frames.ts";
import { type End, type LiveConnection, type LiveConnectionDeps, openConnection } from "./live-connection.ts";
import { createValue, type Observable, whenTrue } from "./observable.ts";
import { userIdOf } from "./session.ts";
import type { Connection } from "./types.ts";

/**
 * Stays connected: whenever someone is signed in, one connection after the other, each with the cursors of the moment.
 *
 * One `run` at a time; a connection belongs to one turn of its loop. Whatever ends it (its own end, silence, signing out,
 * `stop`) ends the signal that was handed to `onReady`, and rejects what was asked by it.
 */
export interface RealtimeConnection {
  readonly state: Observable<Connection>;
  start(): void;
  stop(): void;
  /** Looks at once whether the connection lives, and tries at once to have one: the device woke or is online again. */
  wake(): void;
  /** Whether `request` can be answered. */
  readonly isTwoWay: boolean;
  /** Rejects with UNAVAILABLE if the connection ends before the answer. */
  request(kind: ClientKind): Promise<Ack>;
  /** Sends what isn't answered, if it can be sent now. */
  tell(kind: ClientKind): void;
}

export interface ConnectionDeps extends LiveConnectionDeps {
  /** What to say at the beginning; may have to look it up first. */
  greeting(signal: AbortSignal): Promise<Greeting>;
}

/** A connection that lived so long has worked: the next failure is a first one. */
const provenMs = 5_000;
/** Refused for good, as far as anyone can tell: to be asked again, but seldom. */
const refusedMs = 60_000;

export function createConnection(deps: ConnectionDeps): RealtimeConnection {
  const { session, route } = deps;
  const state = createValue<Connection>({ status: "idle" });
  let running: AbortController | undefined;
  let current: LiveConnection | undefined;
  /** Cuts short what is waited for. */
  let endWait = () => {};

  async function run(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; ) {
      if (!session.tokens.get()) state.set({ status: "idle" });
      await whenTrue(session.tokens, (tokens) => tokens !== undefined, signal);
      const end = await connect(signal);
      if (signal.aborted) return;
      if (end.isChosen || !session.tokens.get()) continue;
      failures = end.livedMs > provenMs ? 0 : failures + 1;
      // It could be opened: what cuts it off soon is no server that has to be spared.
      if (end.livedMs > 0) failures = Math.min(failures, 2);
      await wait(end, failures, signal);
    }
  }

  async function wait({ goodbye, error }: End, failures: number, signal: AbortSignal): Promise<void> {
    const asked = goodbye?.reconnectAfter;
    const told = asked ? Number(asked.seconds) * 1000 + asked.nanos / 1e6 : error?.retryAfter;
    const own = goodbye && !goodbye.resumable ? refusedMs * (0.5 + Math.random()) : backoffMs(failures);
    const ms = Math.max(told ?? 0, own);
    state.set({ status: "waiting", retryAt: Date.now() + ms, ...(error && { error }) });
    const waiting = new AbortController();
    // Who was told how long to stay away stays away.
    if (told === undefined) endWait = () => waiting.abort();
    const stopWatching = session.tokens.subscribe(() => waiting.abort());
    await pause(ms, AbortSignal.any([signal, waiting.signal]));
    stopWatching();
    endWait = () => {};
  }

  async function connect(signal: AbortSignal): Promise<End> {
    const { status, ...last } = state.get();
    state.set({ status: "connecting", ...(last.error && { error: last.error }) });
    const beginning = Date.now();
    try {
      const userId = userIdOf(session);
      const greeting = await deps.greeting(signal);
      const token = await session.accessToken(signal);
      // Someone else signed in meanwhile: what was looked up isn't theirs.
      if (userIdOf(session) !== userId) return { isChosen: true, livedMs: 0 };
      const end = await live(greeting, token, signal);
      if (isAboutToken(end)) await session.replace(token, signal);
      return end;
    } catch (reason) {
      if (signal.aborted) return { livedMs: 0 };
      return { error: toParleyError(reason), livedMs: Date.now() - beginning };
    }
  }

  async function live(greeting: Greeting, token: string, signal: AbortSignal): Promise<End> {
    const via = route.next();
    const onReady: ConnectionDeps["onReady"] = (...ready) => {
      deps.onReady(...ready);
      state.set({ status: "connected", transport: via });
    };
    current = openConnection({ ...deps, onReady }, { via, greeting, token, signal });
    return current.ended;
  }

  return {
    state,
    start() {
      if (running) return;
      running = new AbortController();
      const { signal } = running;
      void run(signal).catch(() => {
        // Only `stop` ends it.
      });
    },
    stop() {
      running?.abort();
      running = undefined;
      state.set({ status: "closed" });
    },
    wake() {
      endWait();
      current?.check();
    },
    get isTwoWay() {
      return current?.isTwoWay ?? false;
    },
    request: (kind) => current?.request(kind) ?? Promise.reject(unavailableError("not connected")),
    tell: (kind) => current?.tell(kind),
  };
}

/** The token that it was opened with is no good any more, or the session isn't: to refresh it tells which. */
function isAboutToken({ error, goodbye }: End): boolean {
  const code = goodbye?.code;
  return code === 4002 || code === 4003 || code === 4004 || (error !== undefined && isSessionError(error));
}
