import type { Ack, Goodbye, Ready, ServerFrame } from "#gen/parley/realtime/v1/frames_pb.js";
import { errorOfStatus, type ParleyError, toParleyError, unavailableError } from "./errors.ts";
import { type ClientKind, clientFrame, type Greeting, type OpenLink, roomsInHello } from "./frames.ts";
import { createRequests } from "./requests.ts";
import { type SessionKeeper, userIdOf } from "./session.ts";
import { createSilenceWatch } from "./silence-watch.ts";
import { renewInTime } from "./token-renewal.ts";
import type { Route, Via } from "./transport-choice.ts";
import { helloRef } from "./websocket-link.ts";

/** One realtime connection, from its hello to its end. */
export interface LiveConnection {
  /** Resolves when it is over. */
  readonly ended: Promise<End>;
  /** Whether `request` can be answered. */
  readonly isTwoWay: boolean;
  /** Rejects with UNAVAILABLE if it ends before the answer. */
  request(kind: ClientKind): Promise<Ack>;
  /** Sends what isn't answered, if it can be sent now. */
  tell(kind: ClientKind): void;
  /** Finds out at once whether it lives. */
  check(): void;
}

/** How a connection ended. */
export interface End {
  readonly error?: ParleyError;
  readonly goodbye?: Goodbye;
  readonly livedMs: number;
  /** Nobody failed: it is to be opened anew at once. */
  readonly isChosen?: boolean;
}

export interface LiveConnectionDeps {
  readonly session: SessionKeeper;
  readonly open: Readonly<Record<Via, OpenLink>>;
  readonly route: Route;
  /** The signal ends with this connection. `areAllNamed`: what was missed comes for all rooms of the greeting. */
  onReady(ready: Ready, signal: AbortSignal, areAllNamed: boolean): void;
  onFrame(frame: ServerFrame): void;
}

/** With what a connection begins. */
export interface Beginning {
  readonly via: Via;
  readonly greeting: Greeting;
  readonly token: string;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** From the beginning of a connection to `ready`. */
const readyTimeoutMs = 15_000;
/** An answer to a ping. */
const pongTimeoutMs = 8_000;

export function openConnection(
  deps: LiveConnectionDeps,
  { via, greeting, token, signal }: Beginning,
): LiveConnection {
  const { session, route } = deps;
  const over = new AbortController();
  const requests = createRequests();
  const userId = userIdOf(session);
  const { promise: ended, resolve } = Promise.withResolvers<End>();
  let readyAt: number | undefined;
  let goodbye: Goodbye | undefined;

  const isReady = () => readyAt !== undefined && !over.signal.aborted;

  function finish(error?: ParleyError, isChosen = false): void {
    if (over.signal.aborted) return;
    over.abort();
    link.close();
    requests.fail(error ?? unavailableError("the connection ended"));
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
    renewInTime(session, over.signal);
    if (link.isTwoWay) nameRest();
    // What begins with the connection knows the cursors before the first frame comes.
    deps.onReady(value, over.signal, link.isTwoWay || greeting.rooms.length <= roomsInHello);
  }

  /** The rooms that have no place in a hello. */
  function nameRest(): void {
    const { rooms } = greeting;
    for (let first = roomsInHello; first < rooms.length; first += roomsInHello) {
      const next = rooms.slice(first, first + roomsInHello);
      // It fails with the connection.
      requests.ask(link, { case: "resume", value: { rooms: next } }).catch(() => {});
    }
  }

  function tokensChanged(): void {
    const tokens = session.tokens.get();
    if (!tokens || userIdOf(session) !== userId) {
      finish(undefined, true);
    } else if (isReady() && !link.isTwoWay) {
      // A stream ends with its token: another one is begun before.
      finish(undefined, true);
    } else if (isReady()) {
      requests
        .ask(link, { case: "refreshToken", value: { accessToken: tokens.accessToken } })
        // Of another session of the same person, say.
        .catch((error) => finish(toParleyError(error), true));
    }
  }

  const silence = createSilenceWatch({
    ask: () => link.send(clientFrame({ case: "ping", value: {} })),
    onDead: () => finish(unavailableError("the connection fell silent")),
    canAsk: via === "websocket",
    answerMs: pongTimeoutMs,
    signal: over.signal,
  });
  const readyTimer = setTimeout(() => {
    route.failed(via, false);
    finish(unavailableError("the server didn't answer"));
  }, readyTimeoutMs);
  const link = deps.open[via]({ ...greeting, rooms: greeting.rooms.slice(0, roomsInHello) }, token, {
    onFrame: take,
    onEnd(error) {
      if (readyAt === undefined) route.failed(via, goodbye !== undefined);
      finish(error);
    },
  });
  const stopWatching = session.tokens.subscribe(tokensChanged);
  const stop = () => finish(undefined, true);
  signal.addEventListener("abort", stop, { once: true });
  over.signal.addEventListener("abort", () => {
    clearTimeout(readyTimer);
    stopWatching();
    signal.removeEventListener("abort", stop);
  });
  if (signal.aborted) stop();

  return {
    ended,
    get isTwoWay() {
      return isReady() && link.isTwoWay;
    },
    request: (kind) =>
      isReady() && link.isTwoWay
        ? requests.ask(link, kind)
        : Promise.reject(unavailableError("not connected")),
    tell(kind) {
      if (isReady()) link.send(clientFrame(kind));
    },
    check() {
      if (isReady()) silence.check();
    },
  };
}
