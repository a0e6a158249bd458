import type { Ack, Goodbye, Ready, ServerFrame } from "#gen/parley/realtime/v1/frames_pb.js";
import { pause } from "./abort.ts";
import { backoffMs } from "./backoff.ts";
import { Code } from "./code.ts";
import { errorOfStatus, isSessionError, ParleyError, toParleyError } from "./errors.ts";
import {
  type ClientKind,
  clientFrame,
  type Greeting,
  type Link,
  type OpenLink,
  roomsInHello,
} from "./frames.ts";
import { createValue, type Observable, whenTrue } from "./observable.ts";
import { createRequests } from "./requests.ts";
import type { SessionKeeper } from "./session.ts";
import { createSilenceWatch } from "./silence-watch.ts";
import type { Route } from "./transport-choice.ts";
import type { Connection } from "./types.ts";
import { helloRef } from "./websocket-link.ts";

/**
 * Stays connected: whenever someone is signed in, one connection after the other, each with the cursors of the moment.
 *
 * One `run` at a time; a link belongs to one turn of its loop. Whatever ends a link (its own end, silence, signing out,
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

export interface ConnectionDeps {
  readonly session: SessionKeeper;
  readonly open: Readonly<Record<"websocket" | "subscribe", OpenLink>>;
  readonly route: Route;
  /** What to say at the beginning; may have to look it up first. */
  greeting(signal: AbortSignal): Promise<Greeting>;
  /** The signal ends with this connection. `areAllNamed`: what was missed comes for all rooms of the greeting. */
  onReady(ready: Ready, signal: AbortSignal, areAllNamed: boolean): void;
  onFrame(frame: ServerFrame): void;
}

/** From the beginning of a connection to `ready`. */
const readyTimeoutMs = 15_000;
/** A connection that lived so long has worked: the next failure is a first one. */
const provenMs = 5_000;
/** An answer to a ping. */
const pongTimeoutMs = 8_000;
/** Refused for good, as far as anyone can tell: to be asked again, but seldom. */
const refusedMs = 60_000;

/** How one connection ended. */
interface End {
  readonly error?: ParleyError;
  readonly goodbye?: Goodbye;
  readonly livedMs: number;
  /** Nobody failed: it is to be opened anew at once. */
  readonly isChosen?: boolean;
}

export function createConnection(deps: ConnectionDeps): RealtimeConnection {
  const { session, route } = deps;
  const state = createValue<Connection>({ status: "idle" });
  const requests = createRequests();
  let running: AbortController | undefined;
  let link: Link | undefined;
  /** Cuts short what is waited for, or asks what is there whether it lives. */
  let onWake = () => {};

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
    if (told === undefined) onWake = () => waiting.abort();
    const stopWatching = session.tokens.subscribe(() => waiting.abort());
    await pause(ms, AbortSignal.any([signal, waiting.signal]));
    stopWatching();
    onWake = () => {};
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

  /** One connection from its beginning to its end. */
  function live(greeting: Greeting, token: string, signal: AbortSignal): Promise<End> {
    const via = route.next();
    const over = new AbortController();
    const userId = userIdOf(session);
    let readyAt: number | undefined;
    let goodbye: Goodbye | undefined;
    const { promise, resolve } = Promise.withResolvers<End>();

    function finish(error?: ParleyError, isChosen = false): void {
      if (over.signal.aborted) return;
      over.abort();
      mine.close();
      if (link === mine) link = undefined;
      requests.fail(error ?? unavailable("the connection ended"));
      onWake = () => {};
      const livedMs = readyAt === undefined ? 0 : Date.now() - readyAt;
      resolve({ livedMs, isChosen, ...(error && { error }), ...(goodbye && { goodbye }) });
    }

    function take(frame: ServerFrame): void {
      if (over.signal.aborted) return;
      silence.heard();
      const { ref, kind } = frame;
      if (kind.case === "ready") ready(kind.value);
      else if (kind.case === "goodbye") goodbye = kind.value;
      else if (kind.case === "error" && (ref === helloRef || readyAt === undefined)) {
        route.failed(via, true);
        finish(errorOfStatus(kind.value));
      } else if (kind.case === "ack") requests.answer(ref, kind.value);
      else if (kind.case === "error") requests.refuse(ref, errorOfStatus(kind.value));
      else if (kind.case !== undefined && readyAt !== undefined) deps.onFrame(frame);
    }

    function ready(value: Ready): void {
      readyAt = Date.now();
      clearTimeout(readyTimer);
      route.worked(via, over.signal, () => finish(undefined, true));
      const interval = value.heartbeatInterval;
      silence.start(interval ? Number(interval.seconds) * 1000 + interval.nanos / 1e6 : 30_000);
      onWake = silence.check;
      link = mine;
      renewInTime(session, over.signal);
      // What begins with the connection knows the cursors before the first frame comes.
      const named = via === "websocket" ? nameRest(greeting, mine) : greeting.rooms.length <= roomsInHello;
      deps.onReady(value, over.signal, named);
      state.set({ status: "connected", transport: via });
    }

    const silence = createSilenceWatch({
      ask: () => mine.send(clientFrame({ case: "ping", value: {} })),
      onDead: () => finish(unavailable("the connection fell silent")),
      canAsk: via === "websocket",
      answerMs: pongTimeoutMs,
      signal: over.signal,
    });
    const readyTimer = setTimeout(() => {
      route.failed(via, false);
      finish(unavailable("the server didn't answer"));
    }, readyTimeoutMs);
    const mine = deps.open[via](greeting, token, {
      onFrame: take,
      onEnd(error) {
        if (readyAt === undefined) route.failed(via, goodbye !== undefined);
        finish(error);
      },
    });
    const stopWatching = session.tokens.subscribe(() => {
      const tokens = session.tokens.get();
      if (!tokens || userIdOf(session) !== userId) finish(undefined, true);
      if (!tokens || over.signal.aborted || readyAt === undefined) return;
      // A stream ends with its token: another one is begun before.
      if (via !== "websocket") {
        finish(undefined, true);
        return;
      }
      requests
        .ask(mine, { case: "refreshToken", value: { accessToken: tokens.accessToken } })
        // Of another session of the same person, say.
        .catch((error) => finish(toParleyError(error), true));
    });
    const stop = () => finish(undefined, true);
    signal.addEventListener("abort", stop, { once: true });
    over.signal.addEventListener("abort", () => {
      clearTimeout(readyTimer);
      stopWatching();
      signal.removeEventListener("abort", stop);
    });
    if (signal.aborted) stop();
    return promise;
  }

  /** The rooms that have no place in a hello. */
  function nameRest({ rooms }: Greeting, to: Link): true {
    for (let first = roomsInHello; first < rooms.length; first += roomsInHello) {
      const next = rooms.slice(first, first + roomsInHello);
      // It fails with the connection.
      requests.ask(to, { case: "resume", value: { rooms: next } }).catch(() => {});
    }
    return true;
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
    wake: () => onWake(),
    get isTwoWay() {
      return link?.isTwoWay ?? false;
    },
    request(kind) {
      if (!link?.isTwoWay) return Promise.reject(unavailable("not connected"));
      return requests.ask(link, kind);
    },
    tell(kind) {
      link?.send(clientFrame(kind));
    },
  };
}

/** Has the token replaced before its end; the new one is then told to the server. */
function renewInTime(session: SessionKeeper, signal: AbortSignal): void {
  let timer: ReturnType<typeof setTimeout>;
  const plan = () => {
    const { renewAt = 0 } = session.tokens.get() ?? {};
    timer = setTimeout(renew, Math.max(renewAt - Date.now(), 0) + 1_000);
  };
  const renew = () => {
    session
      .accessToken(signal)
      .catch(() => {
        // Tried again soon, until the server ends the connection.
      })
      .finally(() => {
        if (!signal.aborted) plan();
      });
  };
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  plan();
}

/** The token that it was opened with is no good any more, or the session isn't: to refresh it tells which. */
function isAboutToken({ error, goodbye }: End): boolean {
  const code = goodbye?.code;
  return code === 4002 || code === 4003 || code === 4004 || (error !== undefined && isSessionError(error));
}

function userIdOf({ state }: SessionKeeper): string | undefined {
  const session = state.get();
  return session.status === "signedIn" ? session.user.userId : undefined;
}

function unavailable(message: string): ParleyError {
  return new ParleyError(message, { reason: "UNAVAILABLE", code: Code.Unavailable });
}
